/** What happened, as a hash to compare runs by and as the last lines for people. */
import { createHash } from "node:crypto";
import type { Change, Exit } from "@titan/core";

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

  /** Part of the hash and not of the lines: all that may change of a row. */
  rows(changes: readonly Change[]): void {
    this.#hash.update(JSON.stringify(changes.map(partsOf)));
  }

  hash(): string {
    return this.#hash.copy().digest("hex").slice(0, 16);
  }

  lines(): string[] {
    return (this.#full ? this.#last : this.#last.slice(-KEPT)).map((line) => line.trimEnd());
  }
}

/** In an order of their own: a row that comes back from a store has its fields in another order than one just decided. */
function partsOf(change: Change): unknown {
  if (change.table === "jobs") {
    const { id, seq, state, attempt, readyAt, notBefore, nodeId, devices } = change.row;
    const { startedAt, finishedAt, cancel, note, exit } = change.row;
    const place = [readyAt, notBefore, nodeId, devices, startedAt, finishedAt];
    return [id, seq, state, attempt, place, cancel, note, exitParts(exit)];
  }
  if (change.table === "attempts") {
    const { jobId, number, nodeId, devices, state, placedAt, startedAt, exitedAt, endedAt, exit } =
      change.row;
    const bytes = change.row.logBytes;
    const times = [placedAt, startedAt, exitedAt, endedAt];
    const sizes = bytes && [bytes.stdout, bytes.stderr, bytes.titan];
    return [jobId, number, nodeId, devices, state, times, exitParts(exit), sizes];
  }
  if (change.table === "nodes") {
    const { id, admission, connected, joinedAt, silentAt, bootId } = change.row;
    return [id, admission, connected, joinedAt, silentAt, bootId];
  }
  const { series, name, follower } = change.row;
  return [series, name, follower];
}

function exitParts(exit: Exit | null): unknown {
  return exit && [exit.cause, exit.code, exit.signal, exit.message];
}
