import type { Job } from "@titan/core";
import type { LogQuery as LogAsked } from "@titan/protocol";
import { LogQuery, LogRecord } from "@titan/protocol/schemas";
import type { FastifyInstance, FastifyRequest } from "fastify";
import Type from "typebox";
import { followLog, type LogPlace, type LogSource } from "../follow/follow-log.ts";
import { plainFormat, recordFormat, writeLog } from "../follow/write-log.ts";
import type { ApiContext } from "./context.ts";
import { findJob } from "./find-job.ts";
import { describe, IdParams } from "./operation.ts";
import { badField } from "./validation.ts";

export async function logRoutes(app: FastifyInstance, context: ApiContext): Promise<void> {
  app.get("/jobs/:id/logs", { schema: describe(reading) }, async (request, reply) => {
    const job = await findJob(context, (request.params as { id: string }).id);
    const asked = request.query as LogAsked;
    const from = await placeOf(context, job, asked);
    const signal = context.open.track(reply.raw);
    const range = { from, oneAttempt: asked.attempt !== undefined, follow: asked.follow === true };
    const steps = followLog(sourceOf(context, job.id), job.id, range, signal);
    reply.hijack();
    try {
      const wanted =
        asked.stream === undefined
          ? () => true
          : (piece: { stream: string }) => piece.stream === asked.stream;
      // A stream that the master's end cuts off must not look like the end of the log.
      await writeLog(
        reply.raw,
        steps,
        wantsPlain(request) ? plainFormat : recordFormat,
        wanted,
        () => signal.aborted,
      );
    } catch (error) {
      context.log.error({ err: error, job: job.id }, "a log could not be read");
      reply.raw.destroy();
    }
  });
}

function sourceOf({ engine, watch, logs }: ApiContext, jobId: string): LogSource {
  return { logs, job: () => engine.job(jobId), onJobChange: (listener) => watch.onChange(jobId, listener) };
}

async function placeOf({ logs }: ApiContext, job: Job, asked: LogAsked): Promise<LogPlace> {
  const given = [asked.after !== undefined && "after", asked.tail_bytes !== undefined && "tail_bytes"].filter(
    Boolean,
  );
  if (given.length === 2) throw badField("tail_bytes", "tail_bytes and after cannot be asked for together");
  if (asked.after !== undefined) return cursorPlace(asked.after, asked.attempt);
  if (asked.tail_bytes !== undefined) {
    const attempt = asked.attempt ?? Math.max(1, job.attempt);
    return { attempt, offset: await logs.tail({ jobId: job.id, number: attempt }, asked.tail_bytes) };
  }
  return { attempt: asked.attempt ?? 1, offset: 0 };
}

function cursorPlace(cursor: string, only: number | undefined): LogPlace {
  const [attempt, offset] = cursor.split(":").map(Number) as [number, number];
  if (!Number.isSafeInteger(attempt) || !Number.isSafeInteger(offset) || attempt < 1) {
    throw badField("after", "after must be the cursor of an earlier record");
  }
  if (only !== undefined && only !== attempt)
    throw badField("after", `after is a place in attempt ${attempt}, and attempt ${only} was asked for`);
  return { attempt, offset };
}

function wantsPlain(request: FastifyRequest): boolean {
  const accept = request.headers.accept ?? "";
  return accept.includes("text/plain") && !accept.includes("application/x-ndjson");
}

const reading = {
  id: "getLogs",
  tag: "jobs",
  summary: "A job's log: records, or with Accept: text/plain the bare bytes; with follow as it grows",
  params: IdParams,
  query: LogQuery,
  answers: { 200: { "application/x-ndjson": LogRecord, "text/plain": Type.String() } },
} as const;
