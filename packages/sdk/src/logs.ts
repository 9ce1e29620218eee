/** A job's log as it is written: pieces of bytes, text, or lines. A lost connection goes on from the last piece. */
import type { LogRecord } from "@titan/protocol";
import type { CallOptions, Connection } from "./connection.ts";
import { Patience } from "./connection.ts";
import { decodeBase64 } from "./platform/node.ts";
import { ConnectionFailed } from "./transport.ts";

export type LogStreamName = "stdout" | "stderr" | "titan";

export interface LogOptions extends CallOptions {
  /** Goes on until the job has ended; without it the log ends with what is there. */
  readonly follow?: boolean;
  /** One stream only; `titan` is what Titan itself has to say on the attempt. */
  readonly stream?: LogStreamName | undefined;
  /** One attempt only; all, in order, where absent. */
  readonly attempt?: number | undefined;
  /** Only the end of the latest attempt's log, bytes. */
  readonly tailBytes?: number | undefined;
  /** A cursor: goes on behind that record. */
  readonly after?: string | undefined;
}

export interface LogPiece {
  readonly stream: LogStreamName;
  readonly attempt: number;
  readonly bytes: Uint8Array;
  readonly at: string | null;
  readonly cursor: string;
}

export interface LogText {
  readonly stream: LogStreamName;
  readonly attempt: number;
  /** For `logs` a piece cut between characters, for `lines` one line without its end. */
  readonly text: string;
}

type Decoder = InstanceType<typeof TextDecoder>;

const STOOD_MS = 5_000;

/** The records as the master sends them. With `follow` it returns only after the `end` record. */
export async function* logRecords(
  connection: Connection,
  id: string,
  options: LogOptions,
): AsyncGenerator<LogRecord> {
  let after = options.after;
  let tail = options.tailBytes;
  const windowMs = options.retryWindowMs ?? connection.retryWindowMs;
  let patience = new Patience(windowMs, options.signal);
  for (;;) {
    let openedAt = performance.now();
    let broken: unknown = new ConnectionFailed("ECONNRESET", "the log broke off before its end");
    try {
      const query = queryOf(options, after, tail);
      const answer = await connection.call(`/jobs/${encodeURIComponent(id)}/logs${query}`, {
        headers: { accept: "application/x-ndjson" },
        signal: options.signal,
        retryWindowMs: windowMs,
      });
      openedAt = performance.now();
      for await (const record of parseRecords(answer.stream())) {
        yield record;
        if (record.end === true) return;
        after = record.cursor;
        tail = undefined;
        patience = new Patience(windowMs, options.signal);
      }
      if (options.follow !== true) return;
    } catch (error) {
      if (!(error instanceof ConnectionFailed)) throw error;
      broken = error;
    }
    // A connection that stood a while was a good one, even where the job printed nothing.
    if (performance.now() - openedAt > STOOD_MS) patience = new Patience(windowMs, options.signal);
    await patience.pause(broken, () => connection.unreachable(broken));
  }
}

function queryOf(options: LogOptions, after: string | undefined, tailBytes: number | undefined): string {
  const query = new URLSearchParams();
  if (options.follow === true) query.set("follow", "true");
  if (options.stream !== undefined) query.set("stream", options.stream);
  if (options.attempt !== undefined) query.set("attempt", String(options.attempt));
  if (after !== undefined) query.set("after", after);
  else if (tailBytes !== undefined) query.set("tail_bytes", String(tailBytes));
  const text = query.toString();
  return text === "" ? "" : `?${text}`;
}

/** NDJSON; what stands behind the last newline was cut off and is not a record. */
async function* parseRecords(source: AsyncIterable<Uint8Array>): AsyncGenerator<LogRecord> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of source) {
    const text = decoder.decode(bytes, { stream: true });
    let from = 0;
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", from)) {
      const line = rest + text.slice(from, at);
      rest = "";
      from = at + 1;
      if (line !== "") yield JSON.parse(line) as LogRecord;
    }
    rest += text.slice(from);
  }
}

/** The log's exact bytes, piece by piece. */
export async function* logPieces(
  connection: Connection,
  id: string,
  options: LogOptions,
): AsyncGenerator<LogPiece> {
  for await (const record of logRecords(connection, id, options)) {
    if (record.data === undefined) continue;
    yield {
      stream: record.stream ?? "stdout",
      attempt: record.attempt,
      bytes: decodeBase64(record.data),
      at: record.at ?? null,
      cursor: record.cursor,
    };
  }
}

/** The log as text; a character that two pieces share is kept whole, bytes that are no UTF-8 become U+FFFD. */
export async function* logText(
  connection: Connection,
  id: string,
  options: LogOptions,
): AsyncGenerator<LogText> {
  const decoders = new Map<string, { decoder: Decoder; stream: LogStreamName; attempt: number }>();
  for await (const { stream, attempt, bytes } of logPieces(connection, id, options)) {
    const key = `${stream}:${attempt}`;
    let entry = decoders.get(key);
    if (entry === undefined) {
      entry = { decoder: new TextDecoder("utf-8", { ignoreBOM: true }), stream, attempt };
      decoders.set(key, entry);
    }
    const text = entry.decoder.decode(bytes, { stream: true });
    if (text !== "") yield { stream, attempt, text };
  }
  for (const { decoder, stream, attempt } of decoders.values()) {
    const text = decoder.decode();
    if (text !== "") yield { stream, attempt, text };
  }
}

/** Whole lines, each stream's own; a last line without newline comes at the end. */
export async function* logLines(
  connection: Connection,
  id: string,
  options: LogOptions,
): AsyncGenerator<LogText> {
  // Kept as parts until the newline is there: joining at every piece would copy a long line once per piece.
  const open = new Map<string, { stream: LogStreamName; attempt: number; parts: string[] }>();
  for await (const { stream, attempt, text } of logText(connection, id, options)) {
    const key = `${stream}:${attempt}`;
    const line = open.get(key) ?? { stream, attempt, parts: [] };
    open.set(key, line);
    let from = 0;
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", from)) {
      line.parts.push(text.slice(from, at));
      yield { stream, attempt, text: line.parts.join("") };
      line.parts = [];
      from = at + 1;
    }
    if (from < text.length) line.parts.push(text.slice(from));
  }
  for (const { stream, attempt, parts } of open.values()) {
    if (parts.length > 0) yield { stream, attempt, text: parts.join("") };
  }
}
