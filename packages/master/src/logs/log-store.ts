/** The logs of all attempts, in files below one folder: `<jobId>/<number>.log` and `.idx`. */
import { join } from "node:path";
import type { AttemptRef, LogBytes } from "@titan/core";
import { TitanError } from "@titan/protocol";
import type { LogStream } from "@titan/protocol/link";
import { recoverExtent } from "./log-files.ts";
import { type LogPiece, readPieces, tailOffset } from "./log-reader.ts";
import { LogWriter } from "./log-writer.ts";
import { OpenFiles } from "./open-files.ts";

export type { LogPiece } from "./log-reader.ts";

/** Pairs of files that stay open. A file opened anew costs some 50 µs, so this is for the few that write much. */
const OPEN_MAX = 64;
/** Attempts whose extent stays in memory, some 200 bytes each and 8 more for each 512 pieces. */
const WRITERS_MAX = 4_096;

interface AppendedPiece {
  readonly stream: LogStream;
  readonly offset: number;
  readonly at: number;
  readonly data: Uint8Array;
}

export class LogStore {
  readonly #folder: string;
  readonly #files = new OpenFiles(OPEN_MAX);
  /** Least recently used first. */
  readonly #writers = new Map<string, LogWriter>();
  readonly #listeners = new Map<string, Set<() => void>>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Appends bytes at the stream's own offset and resolves with what is held once they are written. Bytes that are held
   * already are skipped. Rejects with `TitanError` bad-request on a gap, and with the disk's error, after which `held`
   * tells where to go on. Written means in the files, not through the disk's cache: a killed master loses nothing, a
   * machine without power may lose the last seconds.
   */
  append(ref: AttemptRef, piece: AppendedPiece): Promise<LogBytes> {
    const writer = this.#writer(ref);
    const taken = writer.taken(piece.stream);
    if (piece.offset > taken) {
      const what = `${piece.stream} of attempt ${ref.number} of job ${ref.jobId}`;
      const message = `bytes ${taken} to ${piece.offset} of ${what} are missing`;
      return Promise.reject(new TitanError("bad-request", message));
    }
    const skip = taken - piece.offset;
    if (skip >= piece.data.length) return writer.settled();
    return writer.add(skip === 0 ? piece : { ...piece, data: piece.data.subarray(skip) });
  }

  /** Bytes held of each stream, written ones only. */
  async held(ref: AttemptRef): Promise<LogBytes> {
    return this.#writer(ref).extent.snapshot();
  }

  /** Bytes held of all streams together. */
  async size(ref: AttemptRef): Promise<number> {
    return this.#writer(ref).extent.size;
  }

  /**
   * Pieces from the merged offset `from` up to what is held at the call, of at most 256 KiB each; `offset` is the merged
   * offset of each. Holds two buffers of that size, however long the log is.
   */
  read(ref: AttemptRef, from: number): AsyncIterable<LogPiece> {
    const { log, index } = this.#paths(ref);
    return readPieces(log, index, this.#writer(ref).extent, from);
  }

  /** Merged offset where the first piece begins that lies wholly within the last `bytes`; else where the last begins. */
  async tail(ref: AttemptRef, bytes: number): Promise<number> {
    return tailOffset(this.#paths(ref).index, this.#writer(ref).extent, bytes);
  }

  /** Called when bytes were added to that attempt. Returns unsubscribe. */
  onAppend(ref: AttemptRef, listener: () => void): () => void {
    const key = keyOf(ref);
    const listeners = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, listeners);
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(key) === listeners) this.#listeners.delete(key);
    };
  }

  /** Waits for what is on its way to the files and closes them. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.#writers.values()].map((writer) => writer.settled()));
    this.#files.closeAll();
  }

  #writer(ref: AttemptRef): LogWriter {
    const key = keyOf(ref);
    let writer = this.#writers.get(key);
    if (writer === undefined) {
      this.#evict();
      const { log, index } = this.#paths(ref);
      writer = new LogWriter(
        recoverExtent(log, index),
        (use) => this.#files.with(key, log, index, use),
        () => this.#announce(key),
      );
    } else this.#writers.delete(key);
    this.#writers.set(key, writer);
    return writer;
  }

  #evict(): void {
    for (const [key, writer] of this.#writers) {
      if (this.#writers.size < WRITERS_MAX) return;
      if (writer.idle) this.#writers.delete(key);
    }
  }

  #announce(key: string): void {
    for (const listener of this.#listeners.get(key) ?? []) listener();
  }

  #paths({ jobId, number }: AttemptRef): { log: string; index: string } {
    const base = join(this.#folder, jobId, String(number));
    return { log: `${base}.log`, index: `${base}.idx` };
  }
}

function keyOf({ jobId, number }: AttemptRef): string {
  return `${jobId}.${number}`;
}
