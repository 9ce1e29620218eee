import { phraseMisses } from "../explain/words.ts";
import type { FinishedJob, Job, Node, Requirement } from "../model.ts";
import { endedAfter, type State } from "../state.ts";
import { holdsInTotal, missesOf, takesJobs } from "./fit.ts";

/** Where a job may go as far as capacity in total, labels, affinity and those that follow it are concerned. */
export interface Allowed {
  /** Nodes that hold it in total and may be used. The job waits while all of them are full. */
  readonly nodes: readonly Node[];
  /** The job that it follows, where it follows one. */
  readonly target: FinishedJob | null;
  /** Why its affinity is not kept; empty where it is, or where there is none. */
  readonly broken: string;
  /** Set if the job can never run: an affinity that it insists on cannot hold. */
  readonly impossible: string | null;
  /** Whether other nodes would do, were it not for affinity or for those that follow. */
  readonly narrowed: "affinity" | "followers" | null;
}

/** The job whose node this one wants: of its parents, else of its upstream, else of its run, the one that ended last. */
export function affinityTarget(state: State, job: Job): FinishedJob | null {
  if (job.affinity === "none") return null;
  for (const ids of [job.parents, job.upstream]) {
    let last: FinishedJob | null = null;
    for (const id of ids) {
      const other = state.finished.get(id);
      if (other !== undefined && other.nodeId !== null && endedAfter(other, last)) last = other;
    }
    if (last !== null) return last;
  }
  return job.runId === null ? null : (state.runs.get(job.runId)?.lastFinished ?? null);
}

/**
 * `candidates` are nodes that take jobs and hold this one in total. `followers` is what the jobs that will follow it
 * need: where some node holds them too, only such nodes are allowed, so that nobody has to move later.
 */
export function allowedNodes(
  state: State,
  job: Job,
  followers: readonly Requirement[],
  candidates: readonly Node[],
): Allowed {
  const target = affinityTarget(state, job);
  let broken = "";
  if (target !== null) {
    const node = state.nodes.get(target.nodeId!);
    const obstacle = obstacleOf(node, job.requirement);
    if (obstacle === null) {
      return { nodes: [node!], target, broken, impossible: null, narrowed: "affinity" };
    }
    if (job.affinity === "required") {
      const impossible = obstacle.forGood ? `affinity to ${target.name} cannot hold: ${obstacle.line}` : null;
      return { nodes: [], target, broken: obstacle.line, impossible, narrowed: "affinity" };
    }
    broken = `affinity to ${target.name} not kept: ${obstacle.line}`;
  }
  let nodes = candidates;
  for (const needed of followers) {
    const both = nodes.filter((node) => holdsInTotal(node, needed));
    if (both.length > 0) nodes = both;
  }
  const narrowed = nodes.length < candidates.length ? "followers" : null;
  return { nodes, target, broken, impossible: null, narrowed };
}

/** What keeps the job from the node that it wants; `forGood` if waiting does not help. */
function obstacleOf(
  node: Node | undefined,
  requirement: Requirement,
): { line: string; forGood: boolean } | null {
  if (node === undefined) return { line: "its node is gone", forGood: true };
  if (!holdsInTotal(node, requirement)) {
    return {
      line: `its node ${node.name} ${phraseMisses(missesOf(node, null, requirement))}`,
      forGood: true,
    };
  }
  if (!node.connected) return { line: `its node ${node.name} is silent`, forGood: false };
  if (!takesJobs(node)) return { line: `its node ${node.name} is cordoned`, forGood: false };
  return null;
}
