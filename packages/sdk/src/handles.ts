/** What submitting returns: a job or a run of this client, with the verbs that concern it. */
import type { JobDetail, RunView, WhyView } from "@titan/protocol";
import { TitanError } from "@titan/protocol";
import type { TitanClient, WaitOptions } from "./client.ts";
import type { CallOptions } from "./connection.ts";
import type { LogOptions, LogText } from "./logs.ts";

export class JobHandle {
  readonly id: string;
  readonly name: string;
  readonly run: string | null;
  readonly #client: TitanClient;

  constructor(client: TitanClient, job: { id: string; name: string; run: string | null }) {
    this.#client = client;
    this.id = job.id;
    this.name = job.name;
    this.run = job.run;
  }

  status(options?: CallOptions): Promise<JobDetail> {
    return this.#client.job(this.id, options);
  }

  /** Resolves with the job when it has ended, however it ended. */
  wait(options?: WaitOptions): Promise<JobDetail> {
    return this.#client.wait(this.id, options);
  }

  /** Like `wait`, but throws `job-failed` unless it succeeded. */
  async result(options?: WaitOptions): Promise<JobDetail> {
    const job = await this.wait(options);
    if (job.state === "succeeded") return job;
    throw new TitanError("job-failed", `the job ${this.name} (${this.id}) ${job.state}: ${job.reason}`);
  }

  logs(options?: LogOptions): AsyncGenerator<LogText> {
    return this.#client.logs(this.id, options);
  }

  lines(options?: LogOptions): AsyncGenerator<LogText> {
    return this.#client.lines(this.id, options);
  }

  why(options?: CallOptions): Promise<WhyView> {
    return this.#client.why(this.id, options);
  }

  cancel(options?: CallOptions): Promise<JobDetail> {
    return this.#client.cancel(this.id, options);
  }
}

export class RunHandle {
  readonly id: string;
  readonly jobs: readonly JobHandle[];
  readonly #client: TitanClient;

  constructor(client: TitanClient, id: string, jobs: readonly JobHandle[]) {
    this.#client = client;
    this.id = id;
    this.jobs = jobs;
  }

  /** The job of that name; undefined where this submission had none. */
  job(name: string): JobHandle | undefined {
    return this.jobs.find((job) => job.name === name);
  }

  status(options?: CallOptions): Promise<RunView> {
    return this.#client.run(this.id, options);
  }

  /** Resolves with the run when all its jobs have ended. */
  wait(options?: WaitOptions): Promise<RunView> {
    return this.#client.waitRun(this.id, options);
  }

  cancel(options?: CallOptions): Promise<RunView> {
    return this.#client.cancelRun(this.id, options);
  }
}
