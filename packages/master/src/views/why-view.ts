import { explain, type Job } from "@titan/core";
import type { WhyView } from "@titan/protocol";
import { endingLine } from "./ending.ts";
import type { ViewSource } from "./job-view.ts";

/** Why a job is where it is. One that has ended says how; there is no node to compare with then. */
export function whyView(job: Job, { state, now }: ViewSource): WhyView {
  const { id, name } = job;
  const told = explain(state, id, now);
  if (told === null)
    return { id, name, state: job.state, reason: endingLine(job.exit), possible: true, ahead: 0, nodes: [] };
  return {
    id,
    name,
    state: job.state,
    reason: told.reason,
    possible: told.possible,
    ahead: told.ahead,
    nodes: told.nodes.map((node) => ({
      node: node.name,
      fits: node.fits,
      misses: node.misses.map((miss) => ({ ...miss })),
    })),
  };
}
