/**
 * The two files of an attempt's log: `<number>.log` holds the bytes of all streams as they came, `<number>.idx` one record of 16
 * bytes for each piece: stream, three bytes of nothing, length (u32), time (f64). Bytes are written before their record,
 * so that a record always has its bytes, and what the last moment of a killed master tore off is cut off at the next look.
 */
import { closeSync, existsSync, fstatSync, ftruncateSync, openSync, readSync } from "node:fs";
import type { LogBytes } from "@titan/core";
import type { LogStream } from "@titan/protocol/link";

export const RECORD_BYTES = 16;
/** A mark is kept at every so many records: finding an offset reads at most that many. */
const MARK_EVERY = 512;
const SCAN_BYTES = 1024 * 1024;

const STREAMS: readonly LogStream[] = ["stdout", "stderr", "titan"];

export interface Piece {
  readonly stream: LogStream;
  readonly at: number;
  readonly data: Uint8Array;
}

export interface IndexRecord {
  readonly stream: LogStream;
  readonly length: number;
  readonly at: number;
}

export function writeRecord(into: Buffer, at: number, piece: Piece): void {
  into.writeUInt32LE(STREAMS.indexOf(piece.stream), at);
  into.writeUInt32LE(piece.data.length, at + 4);
  into.writeDoubleLE(piece.at, at + 8);
}

export function readRecord(from: Buffer, at: number): IndexRecord {
  const stream = STREAMS[from.readUInt8(at)];
  if (stream === undefined) throw new Error("the index of a log is damaged");
  return { stream, length: from.readUInt32LE(at + 4), at: from.readDoubleLE(at + 8) };
}

/** What is held of an attempt, kept in step with its files. */
export class Extent {
  readonly held: Record<LogStream, number> = { stdout: 0, stderr: 0, titan: 0 };
  records = 0;
  /** Bytes of all streams together. */
  size = 0;
  /** Merged offset of record `i * MARK_EVERY`. */
  readonly #marks: number[] = [];

  add(stream: LogStream, length: number): void {
    if (this.records % MARK_EVERY === 0) this.#marks.push(this.size);
    this.held[stream] += length;
    this.records += 1;
    this.size += length;
  }

  /** The last marked record that begins at or before `offset`. */
  markBefore(offset: number): { record: number; offset: number } {
    let low = 0;
    let high = this.#marks.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.#marks[middle]! <= offset) low = middle;
      else high = middle;
    }
    return { record: low * MARK_EVERY, offset: this.#marks[low] ?? 0 };
  }

  snapshot(): LogBytes {
    return { ...this.held };
  }
}

/** Reads what the two files hold, and cuts off a torn end. Nothing where there is no log. */
export function recoverExtent(logPath: string, indexPath: string): Extent {
  const extent = new Extent();
  if (!existsSync(indexPath) || !existsSync(logPath)) return extent;
  const log = openSync(logPath, "r+");
  const index = openSync(indexPath, "r+");
  try {
    const logBytes = fstatSync(log).size;
    const indexBytes = fstatSync(index).size;
    const buffer = Buffer.allocUnsafe(Math.min(SCAN_BYTES, indexBytes - (indexBytes % RECORD_BYTES)));
    scan: for (let at = 0; at + RECORD_BYTES <= indexBytes; at += buffer.length) {
      const read = readSync(index, buffer, 0, buffer.length, at);
      for (let record = 0; record + RECORD_BYTES <= read; record += RECORD_BYTES) {
        const { stream, length } = readRecord(buffer, record);
        if (extent.size + length > logBytes) break scan;
        extent.add(stream, length);
      }
    }
    if (extent.size < logBytes) ftruncateSync(log, extent.size);
    if (extent.records * RECORD_BYTES < indexBytes) ftruncateSync(index, extent.records * RECORD_BYTES);
  } finally {
    closeSync(log);
    closeSync(index);
  }
  return extent;
}
