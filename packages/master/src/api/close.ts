import type { FastifyInstance } from "fastify";
import type { ApiContext } from "./context.ts";

/** How long requests that were taken have for their answer when the master closes. */
const CLOSE_MS = 1_000;

/** No new requests; those that were taken get their answer, if they come to it within a second. */
export async function closeApi(
  app: FastifyInstance,
  { open, owners }: Pick<ApiContext, "open" | "owners">,
): Promise<void> {
  // First of all: that its sessions break now does not mean that an owner is gone.
  owners.close();
  open.close();
  const { server } = app;
  const idle = setInterval(() => {
    if (open.unanswered === 0) server.closeAllConnections();
  }, 10);
  const late = setTimeout(() => server.closeAllConnections(), CLOSE_MS);
  try {
    await app.close();
  } finally {
    clearInterval(idle);
    clearTimeout(late);
  }
}
