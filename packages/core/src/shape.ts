import type { Job, Requirement } from "./model.ts";
import { needsOfFollowers } from "./place/lookahead.ts";
import { requirementKey } from "./requirement.ts";
import type { State } from "./state.ts";

/** Everything that placement looks at in a ready job: jobs of equal key are placed alike. */
export function shapeKey(
  state: State,
  job: Job,
): { readonly key: string; readonly followers: readonly Requirement[] } {
  const followers = needsOfFollowers(state, job);
  let key = `${job.priority};${requirementKey(job.requirement)}`;
  if (job.affinity !== "none") key += `;${job.affinity}${anchorKey(job)}`;
  for (const needed of followers) key += `;>${requirementKey(needed)}`;
  return { key, followers };
}

/** Jobs of equal anchor follow the same job: its parents, else its upstream and its run. */
function anchorKey(job: Job): string {
  return job.parents.length > 0 ? `:${job.parents}` : `:${job.upstream}/${job.runId ?? ""}`;
}
