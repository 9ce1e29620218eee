import { createHash } from "node:crypto";
import { TitanError } from "@titan/protocol";
import type { Store, SubmissionRow } from "@titan/store";

/** Gives the same key the same answer, over restarts too, and one submission at a time to each key. */
export class Idempotency {
  readonly #store: Pick<Store, "submission">;
  readonly #now: () => number;
  readonly #running = new Map<string, Promise<unknown>>();

  constructor(store: Pick<Store, "submission">, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  /** `repeated` tells whether the answer is an earlier one. Throws `idempotency-conflict` where the key had another body. */
  async answer(
    key: string,
    body: string,
    make: (row: (answer: string) => SubmissionRow) => Promise<string>,
  ): Promise<{ answer: string; repeated: boolean }> {
    // The second of two at the same time waits for the first, then finds its row, or takes its place where it failed.
    for (let before = this.#running.get(key); before !== undefined; before = this.#running.get(key)) {
      await before.catch(() => undefined);
    }
    const mine = this.#answer(key, body, make);
    this.#running.set(key, mine);
    try {
      return await mine;
    } finally {
      this.#running.delete(key);
    }
  }

  async #answer(
    key: string,
    body: string,
    make: (row: (answer: string) => SubmissionRow) => Promise<string>,
  ): Promise<{ answer: string; repeated: boolean }> {
    const bodySha256 = createHash("sha256").update(body).digest("hex");
    const before = await this.#store.submission(key);
    if (before === null) {
      const answer = await make((answer) => ({ key, bodySha256, answer, at: this.#now() }));
      return { answer, repeated: false };
    }
    if (before.bodySha256 !== bodySha256) {
      throw new TitanError(
        "idempotency-conflict",
        `The idempotency key ${JSON.stringify(key)} was used for another submission`,
      );
    }
    return { answer: before.answer, repeated: true };
  }
}
