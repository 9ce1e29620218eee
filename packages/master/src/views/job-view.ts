import { type Attempt, explain, isFinished, type Job, type State } from "@titan/core";
import type { AttemptView, JobDetail, JobView } from "@titan/protocol";
import { isoTime, isoTimeOrNull, requirementView, span } from "./amounts.ts";
import { endingLine } from "./ending.ts";

/** What views are made of besides the row itself. */
export interface ViewSource {
  readonly state: State;
  readonly now: number;
}

export function jobView(job: Job, source: ViewSource): JobView {
  const { startedAt, finishedAt } = job;
  return {
    id: job.id,
    name: job.name,
    run: job.runId,
    state: job.state,
    reason: reasonOf(job, source),
    cause: job.exit?.cause ?? null,
    exit_code: job.exit?.code ?? null,
    signal: job.exit?.signal ?? null,
    node: nodeName(job.nodeId, source.state),
    devices: [...job.devices],
    attempt: job.attempt,
    requirement: requirementView(job.requirement),
    priority: job.priority,
    submitted_at: isoTime(job.submittedAt),
    started_at: isoTimeOrNull(startedAt),
    finished_at: isoTimeOrNull(finishedAt),
    waited_ms: span(job.submittedAt, startedAt ?? finishedAt ?? source.now),
    ran_ms: startedAt === null ? null : span(startedAt, finishedAt ?? source.now),
  };
}

export function jobDetail(job: Job, attempts: readonly Attempt[], source: ViewSource): JobDetail {
  return {
    ...jobView(job, source),
    series: job.series,
    owner: job.ownerId,
    parents: [...job.parents],
    affinity: job.affinity === "required" ? "required" : job.affinity === "preferred",
    note: job.note,
    attempts: attempts.map((attempt) => attemptView(attempt, source.state)),
  };
}

function attemptView(attempt: Attempt, state: State): AttemptView {
  return {
    number: attempt.number,
    state: attempt.state,
    node: nodeName(attempt.nodeId, state),
    devices: [...attempt.devices],
    cause: attempt.exit?.cause ?? null,
    exit_code: attempt.exit?.code ?? null,
    signal: attempt.exit?.signal ?? null,
    message: attempt.exit?.message ?? "",
    max_rss: Math.round(attempt.exit?.maxRssBytes ?? 0),
    placed_at: isoTime(attempt.placedAt),
    started_at: isoTimeOrNull(attempt.startedAt),
    ended_at: isoTimeOrNull(attempt.endedAt),
  };
}

/** One line for people: why it waits, what it is at, or why it ended. */
function reasonOf(job: Job, { state, now }: ViewSource): string {
  if (isFinished(job.state)) return endingLine(job.exit);
  return explain(state, job.id, now)?.reason ?? job.note;
}

function nodeName(id: string | null, state: State): string | null {
  return id === null ? null : (state.nodes.get(id)?.name ?? id);
}
