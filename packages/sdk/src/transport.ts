/** One HTTP exchange, as the client needs it: small enough that `fetch` and `node:http` both fit behind it. */
import { TitanError } from "@titan/protocol";

export type Body = string | Uint8Array | (() => AsyncIterable<Uint8Array>);

export interface Exchange {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** A function is asked for a fresh stream at each try. */
  readonly body?: Body | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The answer's head must be there by then, milliseconds. */
  readonly timeoutMs: number;
}

export interface Answer {
  readonly status: number;
  readonly contentType: string;
  text(): Promise<string>;
  /** Throws `ConnectionFailed` where the connection broke before the end. */
  stream(): AsyncIterable<Uint8Array>;
}

/** Rejects with `ConnectionFailed` where no whole answer came, or with the signal's reason. */
export type Transport = (exchange: Exchange) => Promise<Answer>;

/** The exchange did not take place, or broke off: worth another try. `code` is the system's, such as ECONNREFUSED. */
export class ConnectionFailed extends Error {
  readonly code: string;
  constructor(code: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "ConnectionFailed";
    this.code = code;
  }
}

/**
 * Turns whatever a connection died of into `ConnectionFailed`. An abort stays what the caller made it, and a body that
 * fails by itself must say so with a `TitanError`, which stays too: no other connection would bring it.
 */
export function connectionFailed(error: unknown, signal: AbortSignal | undefined): unknown {
  if (error instanceof ConnectionFailed || error instanceof TitanError) return error;
  if (signal?.aborted) return signal.reason;
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (inner instanceof TitanError) return inner;
  const code = (inner as { code?: unknown }).code;
  const message = inner instanceof Error ? inner.message || String(code) : String(inner);
  return new ConnectionFailed(typeof code === "string" ? code : "broken", message, error);
}
