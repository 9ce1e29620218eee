import { VERSION } from "@titan/protocol";
import type { FastifyInstance } from "fastify";
import Type from "typebox";
import type { ApiContext } from "./context.ts";
import { json } from "./jobs.ts";
import { describe } from "./operation.ts";

/** What watches the master from outside: beside the versioned API, at addresses that such tools expect. */
export async function operationRoutes(app: FastifyInstance, { metrics }: ApiContext): Promise<void> {
  app.get("/healthz", { schema: describe(health), config: { open: true } }, async (_request, reply) =>
    json(reply, { ok: true, version: VERSION }),
  );
  app.get("/metrics", { schema: describe(measuring) }, async (_request, reply) =>
    reply.type("text/plain; version=0.0.4; charset=utf-8").send(await metrics.text()),
  );
}

const health = {
  id: "getHealth",
  tag: "master",
  summary: "Whether the master answers; needs no token",
  open: true,
  answers: { 200: Type.Object({ ok: Type.Boolean(), version: Type.String() }) },
} as const;
const measuring = {
  id: "getMetrics",
  tag: "master",
  summary: "Metrics in the text format of Prometheus",
  answers: { 200: { "text/plain": Type.String() } },
} as const;
