/** The transport over a given `fetch`: for browsers, tests and proxies that a program brings itself. */
import type { Answer, Body, Exchange, Transport } from "./transport.ts";
import { connectionFailed } from "./transport.ts";

export function fetchTransport(fetch: typeof globalThis.fetch): Transport {
  return async (exchange) => {
    const { signal } = exchange;
    signal?.throwIfAborted();
    const head = new AbortController();
    const timer = setTimeout(() => head.abort(new Error("no answer in time")), exchange.timeoutMs);
    try {
      const signals = signal === undefined ? head.signal : AbortSignal.any([signal, head.signal]);
      const response = await fetch(exchange.url, requestOf(exchange, signals));
      return answerOf(response, signal);
    } catch (error) {
      throw connectionFailed(error, signal);
    } finally {
      clearTimeout(timer);
    }
  };
}

function requestOf(exchange: Exchange, signal: AbortSignal): RequestInit & { duplex?: "half" } {
  const init: RequestInit & { duplex?: "half" } = {
    method: exchange.method,
    headers: { ...exchange.headers },
    signal,
  };
  if (exchange.body === undefined) return init;
  init.body = bodyOf(exchange.body) as NonNullable<RequestInit["body"]>;
  if (typeof exchange.body === "function") init.duplex = "half";
  return init;
}

function bodyOf(body: Body): unknown {
  if (typeof body !== "function") return body;
  const source = body()[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const next = await source.next();
      if (next.done) controller.close();
      else controller.enqueue(next.value);
    },
  });
}

function answerOf(response: Response, signal: AbortSignal | undefined): Answer {
  return {
    status: response.status,
    contentType: response.headers.get("content-type") ?? "",
    async *stream() {
      if (response.body === null) return;
      try {
        yield* response.body as unknown as AsyncIterable<Uint8Array>;
      } catch (error) {
        throw connectionFailed(error, signal);
      }
    },
    async text() {
      try {
        return await response.text();
      } catch (error) {
        throw connectionFailed(error, signal);
      }
    },
  };
}
