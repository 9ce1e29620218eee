import { isFinished, type Job, type JobState } from "@titan/core";
import {
  type JobDetail as JobDetailView,
  type JobListQuery as JobListAsked,
  type Submission as SubmissionBody,
  TitanError,
} from "@titan/protocol";
import {
  JobDetail,
  JobList,
  JobListQuery,
  Submission,
  Submitted,
  WaitQuery,
  WhyView,
} from "@titan/protocol/schemas";
import type { JobFilter } from "@titan/store";
import type { FastifyInstance, FastifyReply } from "fastify";
import Type from "typebox";
import { submit } from "../submit/submit.ts";
import { jobDetail, jobView } from "../views/job-view.ts";
import { whyView } from "../views/why-view.ts";
import type { ApiContext } from "./context.ts";
import { findJob } from "./find-job.ts";
import { describe, IdParams } from "./operation.ts";
import { didYouMean } from "./suggest.ts";
import { badField } from "./validation.ts";

/** 10,000 jobs of a kilobyte and more; files go as blobs. */
const SUBMISSION_BYTES_MAX = 16 * 1024 * 1024;
const STATES: readonly JobState[] = ["waiting", "running", "succeeded", "failed", "cancelled"];
const KeyHeader = Type.Object({
  "idempotency-key": Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 256,
      description: "1 to 256 characters; the same key gets the same answer",
    }),
  ),
});

export async function jobRoutes(app: FastifyInstance, context: ApiContext): Promise<void> {
  app.post(
    "/jobs",
    { schema: describe(submitting), bodyLimit: SUBMISSION_BYTES_MAX },
    async (request, reply) => {
      const key = request.headers["idempotency-key"] as string | undefined;
      const { answer, repeated } = await submit(
        context,
        request.body as SubmissionBody,
        request.rawBody,
        key,
      );
      if (repeated) reply.header("idempotency-replayed", "true");
      return reply.code(201).type("application/json; charset=utf-8").send(answer);
    },
  );
  app.get("/jobs", { schema: describe(listing) }, async (request, reply) => {
    const asked = request.query as JobListAsked;
    const limit = asked.limit ?? 100;
    // One more than asked for tells whether there is another page.
    const jobs = await context.store.jobs(filterOf(asked, limit + 1));
    const page = jobs.slice(0, limit);
    const source = { state: context.engine.state, now: context.clock.now() };
    const next = jobs.length > limit ? String(page.at(-1)!.seq) : null;
    return json(reply, { jobs: page.map((job) => jobView(job, source)), next });
  });
  app.get("/jobs/:id", { schema: describe(showing) }, async (request, reply) => {
    const found = await findJob(context, (request.params as { id: string }).id);
    const waitMs = (request.query as { wait_ms?: number }).wait_ms ?? 0;
    const waits = waitMs > 0 && !isFinished(found.state);
    const job = waits
      ? await context.engine.waitForJob(found.id, waitMs, context.open.track(reply.raw))
      : found;
    return json(reply, await detailOf(context, job ?? found));
  });
  app.get("/jobs/:id/why", { schema: describe(explaining) }, async (request, reply) => {
    const job = await findJob(context, (request.params as { id: string }).id);
    return json(reply, whyView(job, { state: context.engine.state, now: context.clock.now() }));
  });
  app.post("/jobs/:id/cancel", { schema: describe(cancelling) }, async (request, reply) => {
    const found = await findJob(context, (request.params as { id: string }).id);
    await cancelJobs(context, isFinished(found.state) ? [] : [found.id]);
    const job = await context.engine.job(found.id);
    return json(reply.code(202), await detailOf(context, job ?? found));
  });
}

/** Asks for the end of jobs; one that ended in the meantime is as good as cancelled. */
export async function cancelJobs(
  { engine }: Pick<ApiContext, "engine">,
  jobIds: readonly string[],
): Promise<void> {
  if (jobIds.length === 0) return;
  try {
    await engine.execute({ type: "cancel", jobIds, cause: "cancelled" });
  } catch (error) {
    if (!(error instanceof TitanError && error.code === "job-not-found")) throw error;
  }
}

/** Straight to text: the schemas of answers are for OpenAPI and its test. */
export function json(reply: FastifyReply, body: unknown): FastifyReply {
  return reply.type("application/json; charset=utf-8").send(JSON.stringify(body));
}

async function detailOf(context: ApiContext, job: Job): Promise<JobDetailView> {
  const attempts = job.attempt === 0 ? [] : await context.store.attempts(job.id);
  return jobDetail(job, attempts, { state: context.engine.state, now: context.clock.now() });
}

function filterOf(asked: JobListAsked, limit: number): JobFilter {
  return {
    limit,
    ...(asked.state !== undefined && { states: statesOf(asked.state) }),
    ...(asked.run !== undefined && { runId: asked.run }),
    // The older SDK's alias of a name.
    ...(asked.name !== undefined && { name: asked.name.replace(/^DAG-/, "") }),
    ...(asked.cursor !== undefined && { belowSeq: seqOf(asked.cursor) }),
  };
}

function statesOf(text: string): JobState[] {
  return text.split(",").map((word) => {
    const state = STATES.find((known) => known === word.trim());
    if (state !== undefined) return state;
    throw badField(
      "state",
      `state has no value ${JSON.stringify(word.slice(0, 40))}.${didYouMean(word, STATES)}`,
      `One or more of ${STATES.join(", ")}.`,
    );
  });
}

function seqOf(cursor: string): number {
  const seq = /^[0-9]{1,15}$/.test(cursor) ? Number(cursor) : 0;
  if (seq < 1) throw badField("cursor", "cursor must be the next of an earlier answer");
  return seq;
}

const submitting = {
  id: "submitJobs",
  tag: "jobs",
  summary: "Take jobs, all together or not at all",
  headers: KeyHeader,
  body: Submission,
  answers: { 201: Submitted },
} as const;
const listing = {
  id: "listJobs",
  tag: "jobs",
  summary: "Jobs, newest first",
  query: JobListQuery,
  answers: { 200: JobList },
} as const;
const showing = {
  id: "getJob",
  tag: "jobs",
  summary: "One job with its attempts, by id or the start of it; with wait_ms once it has ended",
  params: IdParams,
  query: WaitQuery,
  answers: { 200: JobDetail },
} as const;
const explaining = {
  id: "whyJob",
  tag: "jobs",
  summary: "Why a job waits, node by node",
  params: IdParams,
  answers: { 200: WhyView },
} as const;
const cancelling = {
  id: "cancelJob",
  tag: "jobs",
  summary: "Ask for the end of a job",
  params: IdParams,
  answers: { 202: JobDetail },
} as const;
