import type { JobState } from "@titan/core";
import { type RunView as RunAnswer, TitanError } from "@titan/protocol";
import { RunView, WaitQuery } from "@titan/protocol/schemas";
import type { FastifyInstance } from "fastify";
import type { ApiContext } from "./context.ts";
import { cancelJobs, json } from "./jobs.ts";
import { describe, IdParams } from "./operation.ts";

type Counts = Partial<Record<JobState, number>>;

export async function runRoutes(app: FastifyInstance, context: ApiContext): Promise<void> {
  app.get("/runs/:id", { schema: describe(showing) }, async (request, reply) => {
    const { id } = request.params as { id: string };
    const waitMs = (request.query as { wait_ms?: number }).wait_ms ?? 0;
    return json(
      reply,
      runView(id, await context.engine.waitForRun(id, waitMs, context.open.track(reply.raw))),
    );
  });
  app.post("/runs/:id/cancel", { schema: describe(cancelling) }, async (request, reply) => {
    const { id } = request.params as { id: string };
    const { engine } = context;
    await cancelJobs(context, [...(engine.state.runs.get(id)?.live ?? [])]);
    return json(reply.code(202), runView(id, await engine.waitForRun(id, 0)));
  });
}

/** Running until all its jobs have ended; then the worst ending tells. Throws `run-not-found` where it has no job. */
export function runView(id: string, counts: Counts): RunAnswer {
  const has = (state: JobState) => (counts[state] ?? 0) > 0;
  const present = Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
  if (Object.keys(present).length === 0) {
    throw new TitanError("run-not-found", `There is no run ${JSON.stringify(id.slice(0, 80))}`);
  }
  return { id, state: runState(has), counts: present };
}

function runState(has: (state: JobState) => boolean): RunAnswer["state"] {
  if (has("waiting") || has("running")) return "running";
  if (has("failed")) return "failed";
  return has("cancelled") ? "cancelled" : "succeeded";
}

const showing = {
  id: "getRun",
  tag: "runs",
  summary: "A run and how many of its jobs are in which state; with wait_ms once all have ended",
  params: IdParams,
  query: WaitQuery,
  answers: { 200: RunView },
} as const;
const cancelling = {
  id: "cancelRun",
  tag: "runs",
  summary: "Ask for the end of all jobs of a run",
  params: IdParams,
  answers: { 202: RunView },
} as const;
