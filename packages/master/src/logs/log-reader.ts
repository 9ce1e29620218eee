/** Reads a log from a merged offset on, with bounded memory. */
import { type FileHandle, open } from "node:fs/promises";
import type { LogStream } from "@titan/protocol/link";
import { type Extent, type IndexRecord, RECORD_BYTES, readRecord } from "./log-files.ts";

export interface LogPiece {
  readonly stream: LogStream;
  /** Merged offset of the first byte. */
  readonly offset: number;
  readonly at: number;
  readonly data: Buffer;
}

const READ_BYTES = 256 * 1024;
const INDEX_RECORDS = 4_096;

export async function* readPieces(
  logPath: string,
  indexPath: string,
  extent: Extent,
  from: number,
): AsyncGenerator<LogPiece> {
  const end = extent.size;
  if (from >= end) return;
  const log = await open(logPath, "r");
  try {
    let gathered: Slice[] = [];
    let bytes = 0;
    for await (const record of recordsFrom(indexPath, extent, from)) {
      for (const slice of slicesOf(record, from, end)) {
        if (bytes + slice.length > READ_BYTES) {
          yield* await readSlices(log, gathered, bytes);
          gathered = [];
          bytes = 0;
        }
        gathered.push(slice);
        bytes += slice.length;
      }
    }
    yield* await readSlices(log, gathered, bytes);
  } finally {
    await log.close();
  }
}

/** See `LogStore.tail`. */
export async function tailOffset(indexPath: string, extent: Extent, bytes: number): Promise<number> {
  const wanted = extent.size - bytes;
  if (wanted <= 0) return 0;
  let last = 0;
  for await (const record of recordsFrom(indexPath, extent, wanted)) {
    last = record.offset;
    if (last >= wanted) break;
  }
  return last;
}

type Slice = IndexRecord & { readonly offset: number };

/** The part of a record between two merged offsets, cut into pieces that fit a buffer. */
function* slicesOf(record: Slice, from: number, end: number): Generator<Slice> {
  const last = Math.min(end, record.offset + record.length);
  for (let offset = Math.max(from, record.offset); offset < last; offset += READ_BYTES) {
    yield { ...record, offset, length: Math.min(READ_BYTES, last - offset) };
  }
}

/** Records from the one that holds `from` on, up to what is held now. */
async function* recordsFrom(indexPath: string, extent: Extent, from: number): AsyncGenerator<Slice> {
  const count = extent.records;
  const mark = extent.markBefore(from);
  const index = await open(indexPath, "r");
  try {
    const buffer = Buffer.allocUnsafe(Math.min(INDEX_RECORDS, count - mark.record) * RECORD_BYTES);
    let { record, offset } = mark;
    while (record < count) {
      const read = Math.min(buffer.length, (count - record) * RECORD_BYTES);
      const { bytesRead } = await index.read(buffer, 0, read, record * RECORD_BYTES);
      if (bytesRead < RECORD_BYTES) throw new Error("the index of a log is shorter than it was");
      for (let at = 0; at + RECORD_BYTES <= bytesRead; at += RECORD_BYTES) {
        const next = readRecord(buffer, at);
        if (offset + next.length > from) yield { ...next, offset };
        offset += next.length;
        record += 1;
      }
    }
  } finally {
    await index.close();
  }
}

async function readSlices(log: FileHandle, slices: readonly Slice[], bytes: number): Promise<LogPiece[]> {
  const first = slices[0];
  if (first === undefined) return [];
  // A new buffer each time: whoever gets the pieces may keep them.
  const buffer = Buffer.allocUnsafeSlow(bytes);
  for (let done = 0; done < bytes; ) {
    const { bytesRead } = await log.read(buffer, done, bytes - done, first.offset + done);
    if (bytesRead === 0) throw new Error("a log is shorter than its index");
    done += bytesRead;
  }
  return slices.map(({ stream, offset, at, length }) => {
    const start = offset - first.offset;
    return { stream, offset, at, data: buffer.subarray(start, start + length) };
  });
}
