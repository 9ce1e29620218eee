/** Requests to one master: the token, the answers' errors, and trying again while the master is away. */
import type { ErrorCode } from "@titan/protocol";
import { API_PREFIX, ERRORS, TitanError } from "@titan/protocol";
import { sleep } from "./sleep.ts";
import type { Answer, Body, Transport } from "./transport.ts";
import { ConnectionFailed } from "./transport.ts";

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** For how long a request is tried again after its connection failed, milliseconds. */
  readonly retryWindowMs?: number | undefined;
}

export interface Call extends CallOptions {
  readonly method?: string;
  readonly body?: Body | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  /** The answer's head must be there by then; 30 s where absent, more for requests that wait. */
  readonly timeoutMs?: number;
  /** Statuses beside 2xx that are answers here, not errors. */
  readonly accept?: readonly number[];
}

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;

export class Connection {
  readonly url: string;
  readonly #token: string | null;
  readonly #transport: Transport;
  /** For how long a request is tried again where it says nothing else, milliseconds. */
  readonly retryWindowMs: number;

  constructor(target: { url: string; token: string | null }, transport: Transport, retryWindowMs: number) {
    this.url = target.url;
    this.#token = target.token;
    this.#transport = transport;
    this.retryWindowMs = retryWindowMs;
  }

  /**
   * One request below the API's prefix. Everything that the API offers may safely be sent twice (submissions carry a
   * key), so every failed connection is tried again with growing pauses until the window has passed, then
   * `master-unreachable`. An answer that is an error becomes the `TitanError` that the master sent.
   */
  async call(path: string, call: Call = {}): Promise<Answer> {
    const retry = new Patience(call.retryWindowMs ?? this.retryWindowMs, call.signal);
    for (;;) {
      try {
        const answer = await this.once(`${API_PREFIX}${path}`, call);
        if (answer.status < 300 || call.accept?.includes(answer.status)) return answer;
        await this.#refused(answer);
      } catch (error) {
        if (!isPassing(error)) throw error;
        await retry.pause(error, () => this.unreachable(error));
      }
    }
  }

  /** Like `call`, with the answer's JSON. A body that breaks off is asked for again like a connection that failed. */
  async json<T>(path: string, call: Call = {}): Promise<T> {
    const retry = new Patience(call.retryWindowMs ?? this.retryWindowMs, call.signal);
    for (;;) {
      try {
        const answer = await this.once(`${API_PREFIX}${path}`, call);
        if (answer.status >= 300) await this.#refused(answer);
        return this.#parse<T>(await answer.text(), answer);
      } catch (error) {
        if (!isPassing(error)) throw error;
        await retry.pause(error, () => this.unreachable(error));
      }
    }
  }

  /** One try at any path of the master. Rejects with `ConnectionFailed`. */
  async once(path: string, call: Call): Promise<Answer> {
    const headers: Record<string, string> = { accept: "application/json", ...call.headers };
    if (this.#token !== null) headers.authorization = `Bearer ${this.#token}`;
    return await this.#transport({
      method: call.method ?? "GET",
      url: `${this.url}${path}`,
      headers,
      body: call.body,
      signal: call.signal,
      timeoutMs: call.timeoutMs ?? 30_000,
    });
  }

  unreachable(cause: unknown): TitanError {
    const reason = cause instanceof ConnectionFailed ? describe(cause) : String(cause);
    return new TitanError("master-unreachable", `cannot reach the master at ${this.url}: ${reason}`, {
      cause,
    });
  }

  async #refused(answer: Answer): Promise<never> {
    const text = await answer.text();
    const problem = parseProblem(text);
    if (problem === null) throw this.#stranger(answer);
    if (problem.code === "unauthorized" && this.#token === null) {
      throw new TitanError("unauthorized", `${problem.detail} (no token was found here)`, {
        hint: problem.hint,
      });
    }
    const options = { hint: problem.hint, ...(problem.field === undefined ? {} : { field: problem.field }) };
    throw new TitanError(problem.code, problem.detail, options);
  }

  #parse<T>(text: string, answer: Answer): T {
    try {
      return JSON.parse(text) as T;
    } catch {
      throw this.#stranger(answer);
    }
  }

  #stranger(answer: Answer): TitanError {
    const kind = answer.contentType === "" ? "no content type" : answer.contentType;
    if (answer.status >= 502 && answer.status <= 504) {
      return new TitanError("commit-unknown", `something before the master answered HTTP ${answer.status}`);
    }
    return new TitanError(
      "master-unreachable",
      `what answers at ${this.url} is not a Titan master (HTTP ${answer.status}, ${kind})`,
      { hint: "Check the address: --url, TITAN_URL, TITAN_HOST and TITAN_PORT." },
    );
  }
}

/** Counts one request's tries: growing pauses until the window is over. */
export class Patience {
  readonly #until: number;
  readonly #signal: AbortSignal | undefined;
  #pauseMs = FIRST_PAUSE_MS;

  constructor(windowMs: number, signal: AbortSignal | undefined) {
    this.#until = performance.now() + windowMs;
    this.#signal = signal;
  }

  /** Sleeps, or throws: the error itself where the master answered, else what `giveUp` makes. */
  async pause(error: unknown, giveUp: () => Error): Promise<void> {
    const left = this.#until - performance.now();
    if (left <= 0) throw error instanceof TitanError ? error : giveUp();
    await sleep(Math.min(this.#pauseMs * (0.75 + Math.random() / 2), left), this.#signal);
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
  }
}

/** Whether the same request may well succeed in a moment. */
function isPassing(error: unknown): boolean {
  return (
    error instanceof ConnectionFailed || (error instanceof TitanError && error.code === "commit-unknown")
  );
}

interface Refusal {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly hint: string;
  readonly field: string | undefined;
}

function parseProblem(text: string): Refusal | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  const { code, detail, hint, field, title } = value as Record<string, unknown>;
  if (typeof code !== "string") return null;
  // A newer master may know more codes than this client: its words are kept, the code becomes the general one.
  const known = Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : "internal";
  return {
    code: known,
    detail: typeof detail === "string" && detail !== "" ? detail : String(title ?? code),
    hint: typeof hint === "string" ? hint : ERRORS[known].hint,
    field: typeof field === "string" ? field : undefined,
  };
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there (connection refused)",
  ECONNRESET: "the connection was cut",
  ENOTFOUND: "the host name is not known",
  EHOSTUNREACH: "there is no way to that host",
  ENETUNREACH: "there is no way to that network",
};

function describe(failure: ConnectionFailed): string {
  return REASONS[failure.code] ?? failure.message;
}
