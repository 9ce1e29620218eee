/** The logs of a simulated master: what is written stays when the process dies, what was on its way is gone. */
import type { AttemptRef, LogBytes } from "@titan/core";
import type { LogKeeper } from "@titan/master/simulation";
import { TitanError } from "@titan/protocol";
import type { LogStream } from "@titan/protocol/link";
import { never, SimulatedFault } from "./faults.ts";
import type { Random } from "./random.ts";
import type { ProcessClock } from "./time.ts";

type Piece = Parameters<LogKeeper["append"]>[1];
type Streams = Record<LogStream, Buffer[]>;

/** The disk: outlives every master. */
export class LogDisk {
  readonly #files = new Map<string, Streams>();

  add(key: string, stream: LogStream, data: Uint8Array): void {
    let streams = this.#files.get(key);
    if (streams === undefined) {
      streams = { stdout: [], stderr: [], titan: [] };
      this.#files.set(key, streams);
    }
    streams[stream].push(Buffer.from(data));
  }

  held(key: string): LogBytes {
    const streams = this.#files.get(key);
    const size = (stream: LogStream) =>
      (streams?.[stream] ?? []).reduce((sum, { length }) => sum + length, 0);
    return { stdout: size("stdout"), stderr: size("stderr"), titan: size("titan") };
  }

  bytes(key: string, stream: LogStream): Buffer {
    return Buffer.concat(this.#files.get(key)?.[stream] ?? []);
  }
}

export class MemoryLogs implements LogKeeper {
  readonly #disk: LogDisk;
  readonly #clock: ProcessClock;
  readonly #random: Random;
  readonly #taken = new Map<string, Record<LogStream, number>>();
  readonly #tails = new Map<string, Promise<unknown>>();
  /** The next write fails. */
  failNext = false;

  constructor(disk: LogDisk, clock: ProcessClock, random: Random) {
    this.#disk = disk;
    this.#clock = clock;
    this.#random = random;
  }

  async held({ jobId, number }: AttemptRef): Promise<LogBytes> {
    return this.#clock.alive ? this.#disk.held(`${jobId}.${number}`) : never();
  }

  append({ jobId, number }: AttemptRef, piece: Piece): Promise<LogBytes> {
    const key = `${jobId}.${number}`;
    let taken = this.#taken.get(key);
    if (taken === undefined) {
      taken = { ...this.#disk.held(key) };
      this.#taken.set(key, taken);
    }
    const from = taken[piece.stream];
    if (piece.offset > from)
      return Promise.reject(new TitanError("bad-request", `bytes ${from} to ${piece.offset} are missing`));
    const data = Buffer.from(piece.data.subarray(from - piece.offset));
    taken[piece.stream] += data.length;
    const before = this.#tails.get(key) ?? Promise.resolve();
    const written = before.then(() => this.#write(key, piece.stream, data, from));
    // What was behind a piece that failed lies behind a gap, and fails by that.
    this.#tails.set(
      key,
      written.catch(() => undefined),
    );
    return written;
  }

  async #write(key: string, stream: LogStream, data: Buffer, from: number): Promise<LogBytes> {
    if (data.length > 0) await new Promise<void>((done) => this.#clock.after(this.#random.int(0, 3), done));
    if (!this.#clock.alive) return never();
    if (this.#disk.held(key)[stream] !== from && data.length > 0)
      throw new SimulatedFault("the piece before it was not written");
    if (this.failNext && data.length > 0) {
      this.failNext = false;
      this.#taken.delete(key);
      throw new SimulatedFault("the disk refused a piece of a log");
    }
    if (data.length > 0) this.#disk.add(key, stream, data);
    return this.#disk.held(key);
  }
}
