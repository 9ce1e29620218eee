import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { LogPiece, LogPlace, LogStep } from "./follow-log.ts";

/** How steps of a log look on the wire. */
export interface LogFormat {
  readonly contentType: string;
  piece(attempt: number, piece: LogPiece): string | Uint8Array;
  end(place: LogPlace): string | null;
}

/** Gathered before a write: a log of short pieces would cost a system call for each. */
const WRITE_BYTES = 64 * 1024;

/**
 * Writes the steps as they come. Reads no further while the viewer does not take what was written, so one that stalls
 * costs one write's worth of memory. `dropped` tells, when the steps are over, whether the answer must not look whole.
 */
export async function writeLog(
  response: ServerResponse,
  steps: AsyncIterable<LogStep>,
  format: LogFormat,
  wanted: (piece: LogPiece) => boolean,
  dropped: () => boolean,
): Promise<void> {
  response.writeHead(200, {
    "content-type": format.contentType,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  });
  response.flushHeaders();
  const pending = new Pending(response);
  for await (const step of steps) {
    if (step.type === "piece") {
      if (wanted(step.piece)) pending.add(format.piece(step.attempt, step.piece));
      if (pending.bytes >= WRITE_BYTES) await pending.flush();
    } else {
      const last = step.type === "end" ? format.end(step.place) : null;
      if (last !== null) pending.add(last);
      await pending.flush();
    }
    if (response.destroyed) return;
  }
  await pending.flush();
  if (dropped()) response.destroy();
  else response.end();
}

class Pending {
  readonly #response: ServerResponse;
  #parts: Uint8Array[] = [];
  bytes = 0;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  add(part: string | Uint8Array): void {
    const data = typeof part === "string" ? Buffer.from(part, "latin1") : part;
    this.#parts.push(data);
    this.bytes += data.length;
  }

  /** Resolves when there is room for more, or nobody to write for. */
  async flush(): Promise<void> {
    if (this.bytes === 0 || this.#response.destroyed) return;
    const chunk = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts, this.bytes);
    this.#parts = [];
    this.bytes = 0;
    if (this.#response.write(chunk)) return;
    await waitForRoom(this.#response);
  }
}

async function waitForRoom(response: ServerResponse): Promise<void> {
  const over = new AbortController();
  const either = [
    once(response, "drain", { signal: over.signal }),
    once(response, "close", { signal: over.signal }),
  ];
  try {
    // A reset shows as `close`; its error is nobody's business here.
    await Promise.race(either).catch(() => undefined);
  } finally {
    over.abort();
    await Promise.allSettled(either);
  }
}

/** Records, one a line. Base64, so that every byte arrives as it was written, whatever its encoding. */
export const recordFormat: LogFormat = {
  contentType: "application/x-ndjson",
  // By hand: all parts are plain ASCII, and this is the loop that a log of 100 MB goes through.
  piece(attempt, { stream, offset, at, data }) {
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    const cursor = `${attempt}:${offset + data.length}`;
    return `{"cursor":"${cursor}","attempt":${attempt},"stream":"${stream}","offset":${offset},"at":"${new Date(at).toISOString()}","data":"${bytes.toString("base64")}"}\n`;
  },
  end({ attempt, offset }) {
    return `{"cursor":"${attempt}:${offset}","attempt":${attempt},"offset":${offset},"end":true}\n`;
  },
};

/** The bare bytes. */
export const plainFormat: LogFormat = {
  contentType: "text/plain; charset=utf-8",
  piece: (_attempt, piece) => piece.data,
  end: () => null,
};
