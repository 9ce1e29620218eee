/** Writes what gathers for one attempt in one go: bytes first, then their index records. */
import { write, writev } from "node:fs";
import type { LogBytes } from "@titan/core";
import type { LogStream } from "@titan/protocol/link";
import { type Extent, type Piece, RECORD_BYTES, writeRecord } from "./log-files.ts";
import type { LogFiles } from "./open-files.ts";

/** `writev` takes at most this many pieces. */
const PIECES_MAX = 1024;

export class LogWriter {
  readonly extent: Extent;
  readonly #with: (use: (files: LogFiles) => Promise<void>) => Promise<void>;
  readonly #written: () => void;
  #pending: Piece[] = [];
  /** Held and pending, by stream: where the next piece must begin. */
  readonly #taken: Record<LogStream, number>;
  #next: Promise<LogBytes> | null = null;
  #running: Promise<unknown> = Promise.resolve();
  #writing = 0;
  /** Why the write before failed: what gathered meanwhile fails with it, since it would lie behind a gap. */
  #failed: { readonly error: unknown } | null = null;

  constructor(
    extent: Extent,
    withFiles: (use: (files: LogFiles) => Promise<void>) => Promise<void>,
    written: () => void,
  ) {
    this.extent = extent;
    this.#with = withFiles;
    this.#written = written;
    this.#taken = { ...extent.held };
  }

  /** Whether nothing is pending or on its way to the files. */
  get idle(): boolean {
    return this.#writing === 0 && this.#pending.length === 0;
  }

  /** Where the next piece of this stream must begin at the latest. */
  taken(stream: LogStream): number {
    return this.#taken[stream];
  }

  /** Resolves with what is held once everything up to this piece is written; rejects where the disk refuses. */
  add(piece: Piece): Promise<LogBytes> {
    this.#taken[piece.stream] += piece.data.length;
    this.#pending.push(piece);
    return this.settled();
  }

  /** Resolves with what is held when nothing is pending any more. */
  settled(): Promise<LogBytes> {
    if (this.#next !== null) return this.#next;
    if (this.#pending.length === 0) return this.#running.then(() => this.extent.snapshot());
    // One promise for all pieces that gather while the write before them is on its way.
    this.#next = this.#running.then(() => this.#flush());
    this.#running = this.#next.catch(() => undefined);
    return this.#next;
  }

  async #flush(): Promise<LogBytes> {
    const pieces = this.#pending;
    this.#pending = [];
    this.#next = null;
    this.#writing += 1;
    try {
      if (this.#failed !== null) throw this.#failed.error;
      await this.#with((files) => this.#write(files, pieces));
    } catch (error) {
      Object.assign(this.#taken, this.extent.held);
      this.#failed = this.#next === null ? null : { error };
      throw error;
    } finally {
      this.#writing -= 1;
    }
    for (const { stream, data } of pieces) this.extent.add(stream, data.length);
    this.#written();
    return this.extent.snapshot();
  }

  async #write(files: LogFiles, pieces: readonly Piece[]): Promise<void> {
    const index = Buffer.allocUnsafe(pieces.length * RECORD_BYTES);
    for (const [at, piece] of pieces.entries()) writeRecord(index, at * RECORD_BYTES, piece);
    let position = this.extent.size;
    for (let from = 0; from < pieces.length; from += PIECES_MAX) {
      const data = pieces.slice(from, from + PIECES_MAX).map((piece) => piece.data);
      position += await writeAll(files.log, data, position);
    }
    await writeAll(files.index, [index], this.extent.records * RECORD_BYTES);
  }
}

/** A write may take a part only, on a disk that is nearly full above all. */
async function writeAll(file: number, data: readonly Uint8Array[], position: number): Promise<number> {
  const total = data.reduce((sum, { length }) => sum + length, 0);
  let done = await writeSome(file, data, position);
  while (done < total) {
    const rest = Buffer.concat(data).subarray(done);
    const more = await writeSome(file, [rest], position + done);
    if (more === 0) throw new Error("the disk takes no more bytes of a log");
    done += more;
  }
  return total;
}

function writeSome(file: number, data: readonly Uint8Array[], position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, bytes: number) => (error === null ? resolve(bytes) : reject(error));
    if (data.length === 1) write(file, data[0]!, 0, data[0]!.length, position, done);
    else writev(file, data as Uint8Array[], position, done);
  });
}
