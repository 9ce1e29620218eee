import { VERSION } from "@titan/protocol";
import { Info } from "@titan/protocol/schemas";
import type { FastifyInstance } from "fastify";
import { isoTime } from "../views/amounts.ts";
import type { ApiContext } from "./context.ts";
import { json } from "./jobs.ts";
import { describe } from "./operation.ts";

export async function infoRoutes(app: FastifyInstance, context: ApiContext): Promise<void> {
  app.get("/info", { schema: describe(telling) }, async (_request, reply) =>
    json(reply, {
      version: VERSION,
      url: context.url(),
      pid: process.pid,
      started_at: isoTime(context.startedAt),
      nodes: context.engine.state.nodes.size,
      jobs: await context.store.counts(),
    }),
  );
}

const telling = {
  id: "getInfo",
  tag: "master",
  summary: "This master, and how many nodes and jobs it has",
  answers: { 200: Info },
} as const;
