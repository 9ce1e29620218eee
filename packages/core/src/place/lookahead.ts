import type { Job, Requirement } from "../model.ts";
import { covers, requirementKey } from "../requirement.ts";
import { followKey, type State } from "../state.ts";

/** Followers looked at for one job: bounds the work for a chain of thousands; the near ones matter most. */
const LOOKED_AT_MAX = 256;
const NONE: readonly Requirement[] = [];

/**
 * What the jobs that will want this job's node need beyond what it needs itself, nearest first: affine jobs that are
 * submitted already, and those that earlier runs of its series had.
 */
export function needsOfFollowers(state: State, job: Job): readonly Requirement[] {
  const remembered = job.series !== null && state.follows.has(followKey(job.series, job.name));
  if (!remembered && !state.followers.has(job.id)) return NONE;
  const needs = new Map<string, Requirement>();
  for (const needed of [...submittedFollowers(state, job), ...rememberedFollowers(state, job)]) {
    if (!covers(job.requirement, needed)) needs.set(requirementKey(needed), needed);
  }
  return [...needs.values()];
}

function submittedFollowers(state: State, job: Job): Requirement[] {
  const seen = new Set([job.id]);
  const found: Requirement[] = [];
  for (const id of seen) {
    for (const follower of state.followers.get(id) ?? []) {
      const row = state.jobs.get(follower);
      if (row === undefined || seen.has(follower)) continue;
      if (seen.size > LOOKED_AT_MAX) return found;
      seen.add(follower);
      found.push(row.requirement);
    }
  }
  return found;
}

function rememberedFollowers(state: State, job: Job): Requirement[] {
  if (job.series === null) return [];
  const seen = new Set([job.name]);
  const found: Requirement[] = [];
  for (const name of seen) {
    const rows = [...(state.follows.get(followKey(job.series, name))?.values() ?? [])];
    for (const follow of rows.sort((a, b) => (a.follower < b.follower ? -1 : 1))) {
      if (seen.has(follow.follower)) continue;
      if (seen.size > LOOKED_AT_MAX) return found;
      seen.add(follow.follower);
      found.push(follow.requirement);
    }
  }
  return found;
}
