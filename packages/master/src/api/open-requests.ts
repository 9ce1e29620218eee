import type { Server, ServerResponse } from "node:http";

/**
 * Requests that stay open: long polls, followed logs, owners' sessions. Each has a signal that tells when nobody waits
 * for it any more, because the client left or the master closes.
 */
export class OpenRequests {
  readonly #open = new Map<ServerResponse, AbortController>();
  #closing = false;
  #unanswered = 0;

  /** Requests of the watched server without a whole answer. */
  get unanswered(): number {
    return this.#unanswered;
  }

  /** Counts what is underway: a server closes only when it is over, and a connection that never asked anything is not idle to it. */
  watch(server: Server): void {
    server.on("request", (_request, response: ServerResponse) => {
      this.#unanswered += 1;
      response.once("close", () => {
        this.#unanswered -= 1;
      });
    });
  }

  /** The signal of this response; the same at each call. */
  track(response: ServerResponse): AbortSignal {
    const before = this.#open.get(response);
    if (before !== undefined) return before.signal;
    const controller = new AbortController();
    if (response.closed || response.destroyed) {
      // The client left while its job was looked up; no `close` will tell.
      controller.abort();
      return controller.signal;
    }
    this.#open.set(response, controller);
    response.once("close", () => {
      this.#open.delete(response);
      controller.abort();
    });
    if (this.#closing) controller.abort();
    return controller.signal;
  }

  /** Ends what is open: polls answer with what there is, streams are dropped without their end. */
  close(): void {
    this.#closing = true;
    for (const controller of this.#open.values()) controller.abort();
  }
}
