/** What happened, as a hash to compare runs by and as the last lines for people. */
import { createHash } from "node:crypto";

const KEPT = 60;

export class Trace {
  readonly #hash = createHash("sha256");
  readonly #last: string[] = [];
  readonly #elapsed: () => number;
  readonly #full: boolean;

  /** `full` keeps every line, for a replay. */
  constructor(elapsed: () => number, full: boolean) {
    this.#elapsed = elapsed;
    this.#full = full;
  }

  add(line: string): void {
    const text = `${this.#elapsed()} ${line}\n`;
    this.#hash.update(text);
    this.#last.push(text);
    if (!this.#full && this.#last.length > 2 * KEPT) this.#last.splice(0, KEPT);
  }

  /** Part of the hash and not of the lines. */
  data(text: string): void {
    this.#hash.update(text);
  }

  hash(): string {
    return this.#hash.copy().digest("hex").slice(0, 16);
  }

  lines(): string[] {
    return (this.#full ? this.#last : this.#last.slice(-KEPT)).map((line) => line.trimEnd());
  }
}
