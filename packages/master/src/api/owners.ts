import type { FastifyInstance } from "fastify";
import Type from "typebox";
import type { ApiContext } from "./context.ts";
import { describe, IdParams } from "./operation.ts";

/** Tells the owner that the master is there, and keeps whatever is between them from closing a quiet connection. */
const KEEP_ALIVE_MS = 10_000;

export async function ownerRoutes(app: FastifyInstance, { owners, open }: ApiContext): Promise<void> {
  app.get("/owners/:id/session", { schema: describe(holding) }, async (request, reply) => {
    const { id } = request.params as { id: string };
    const signal = open.track(reply.raw);
    reply.hijack();
    const close = owners.opened(id);
    const response = reply.raw;
    // A machine that vanished sends no end: the kernel asks it from time to time.
    request.raw.socket.setKeepAlive(true, KEEP_ALIVE_MS);
    response.writeHead(200, { "content-type": "application/x-ndjson", "cache-control": "no-store" });
    response.write("{}\n");
    const timer = setInterval(() => {
      // What an owner that does not read has not taken yet says the same.
      if (!response.writableNeedDrain) response.write("{}\n");
    }, KEEP_ALIVE_MS);
    timer.unref();
    const end = () => {
      clearInterval(timer);
      close();
      response.destroy();
    };
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  });
}

const holding = {
  id: "holdOwner",
  tag: "owners",
  summary:
    "The owner of jobs is there as long as this answer is open; closed for longer than its grace, they are cancelled",
  params: IdParams,
  answers: { 200: { "application/x-ndjson": Type.Object({}) } },
} as const;
