import type { Draft } from "../draft.ts";
import type { FinishedJob, Follow, Job } from "../model.ts";
import { requirementKey } from "../requirement.ts";
import { followKey } from "../state.ts";

/** Rows of one (series, name) at most: a series whose names never repeat must not fill memory. */
const FOLLOWERS_MAX = 64;

/**
 * Notes what followed what, for the next run of the series. Only within one run: nothing tells whether a job of
 * another run is of the same series. Writes nothing that is known already.
 */
export function rememberFollow(draft: Draft, job: Job, target: FinishedJob | null): void {
  if (job.series === null || target === null || target.runId === null || target.runId !== job.runId) return;
  const rows = draft.state.follows.get(followKey(job.series, target.name));
  const known = rows?.get(job.name);
  if (known === undefined && rows !== undefined && rows.size >= FOLLOWERS_MAX) return;
  if (known !== undefined && requirementKey(known.requirement) === requirementKey(job.requirement)) return;
  const row: Follow = {
    series: job.series,
    name: target.name,
    follower: job.name,
    requirement: job.requirement,
  };
  draft.changes.push({ table: "follows", row });
}
