/** Submits and cancels as a user's program does: what is not answered is asked again with the same key. */
import type { FinishedJob } from "@titan/core";
import type { Engine } from "@titan/master/simulation";
import type { Store } from "@titan/store";
import type { Random } from "./random.ts";
import type { Time } from "./time.ts";
import type { Submission } from "./workload.ts";

export interface ClientWatch {
  submitted(jobIds: readonly string[]): void;
  cancelled(jobId: string): void;
  finding(what: string): void;
}

const PATIENCE_MS = 5_000;
/** Asked again after these: the last two come of a first try that was taken while nobody waited for it any more. */
const EXPECTED = new Set(["commit-unknown", "master-unreachable", "duplicate-job", "job-not-found"]);

export class Client {
  readonly #time: Time;
  readonly #random: Random;
  readonly #engine: () => Engine | null;
  readonly #store: Store;
  readonly #watch: ClientWatch;
  /** Requests without an answer. */
  open = 0;

  constructor(time: Time, random: Random, engine: () => Engine | null, store: Store, watch: ClientWatch) {
    this.#time = time;
    this.#random = random;
    this.#engine = engine;
    this.#store = store;
    this.#watch = watch;
  }

  /** One after the other, since later ones name jobs of earlier ones. */
  run(submissions: readonly Submission[]): void {
    const [first, ...rest] = submissions;
    if (first === undefined) return;
    this.open += 1;
    const due = Math.max(0, first.atMs - this.#time.elapsed);
    this.#time.after(due, () =>
      this.#until(
        () => this.#submit(first),
        () => {
          this.#watch.submitted(first.jobs.map(({ id }) => id));
          for (const { jobId, afterMs } of first.cancels) this.#cancelLater(jobId, afterMs);
          this.open -= 1;
          this.run(rest);
        },
      ),
    );
  }

  #cancelLater(jobId: string, afterMs: number): void {
    this.open += 1;
    const cancel = async (): Promise<void> => {
      const job = await this.#store.job(jobId);
      if (job !== null && job.finishedAt !== null) return;
      await this.#master().execute({ type: "cancel", jobIds: [jobId], cause: "cancelled" });
    };
    const done = (): void => {
      this.#watch.cancelled(jobId);
      this.open -= 1;
    };
    this.#time.after(afterMs, () => this.#until(cancel, done));
  }

  async #submit({ key, jobs, payloads }: Submission): Promise<void> {
    const engine = this.#master();
    // As the API does with a key that was seen before.
    if ((await this.#store.submission(key)) !== null) return;
    const parents = await Promise.all(jobs.flatMap((job) => job.parents).map((id) => engine.job(id)));
    const known = parents.filter((job) => job !== null && job.finishedAt !== null) as FinishedJob[];
    const submission = { key, bodySha256: "", answer: "{}", at: this.#time.now };
    await engine.execute({ type: "submit", jobs, known }, { payloads, submission });
  }

  #master(): Engine {
    const engine = this.#engine();
    if (engine === null) throw Object.assign(new Error("no master"), { code: "master-unreachable" });
    return engine;
  }

  /** Asks until there is an answer; a master that died never gives one, so patience ends too. */
  #until(ask: () => Promise<void>, done: () => void): void {
    let over = false;
    const again = (): void => {
      if (over) return;
      over = true;
      this.#time.after(this.#random.int(50, 500), () => this.#until(ask, done));
    };
    this.#time.after(PATIENCE_MS, again);
    ask().then(
      () => {
        if (over) return;
        over = true;
        done();
      },
      (error: { code?: string; message: string }) => {
        if (!EXPECTED.has(error.code ?? ""))
          this.#watch.finding(`a request was refused: ${error.code}: ${error.message}`);
        again();
      },
    );
  }
}
