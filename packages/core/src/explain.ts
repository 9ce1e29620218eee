import { impossibleReason, runningReason, waitingReason } from "./explain/reason.ts";
import { missAmounts } from "./explain/words.ts";
import type { Job, Node } from "./model.ts";
import { type Allowed, allowedNodes } from "./place/affinity.ts";
import { holdsInTotal, missesOf, takesJobs } from "./place/fit.ts";
import { needsOfFollowers } from "./place/lookahead.ts";
import { type State, usedOf } from "./state.ts";

/** Why an unfinished job is where it is. */
export interface Explanation {
  /** One line for people. */
  readonly reason: string;
  /** Whether some connected node that takes jobs could ever hold it. */
  readonly possible: boolean;
  /** Ready jobs that come before it. */
  readonly ahead: number;
  /** Every node that the master knows; empty for a job that is running. */
  readonly nodes: readonly NodeFit[];
}

export interface NodeFit {
  readonly nodeId: string;
  readonly name: string;
  /** `later` when something is freed or the node is back; `never` while node and job are what they are. */
  readonly fits: "now" | "later" | "never";
  readonly misses: readonly { readonly what: string; readonly need: string; readonly has: string }[];
}

/** Null for a job that has finished or does not exist. The same comparisons as placement makes, with their reasons. */
export function explain(state: State, jobId: string, now: number): Explanation | null {
  const job = state.jobs.get(jobId);
  if (job === undefined) return null;
  if (job.state === "running") {
    return { reason: runningReason(state, job, now), possible: true, ahead: 0, nodes: [] };
  }
  const known = look(state, job);
  const allowed = new Set(known.allowed.nodes);
  return {
    reason: reasonOfWaiting(state, job, known),
    possible: known.possible,
    ahead: known.ahead,
    nodes: [...state.nodes.values()].map((node) => fitOn(state, job, node, known.allowed, allowed)),
  };
}

/** The reason alone, for lists of many jobs: a third of the work of `explain`. Empty for a job that has finished. */
export function reasonOf(state: State, jobId: string, now: number): string {
  const job = state.jobs.get(jobId);
  if (job === undefined) return "";
  return job.state === "running"
    ? runningReason(state, job, now)
    : reasonOfWaiting(state, job, look(state, job));
}

interface Known {
  readonly open: readonly Node[];
  readonly allowed: Allowed;
  readonly possible: boolean;
  readonly ahead: number;
}

function look(state: State, job: Job): Known {
  const open = [...state.nodes.values()].filter(takesJobs);
  const holding = open.filter((node) => holdsInTotal(node, job.requirement));
  const allowed = allowedNodes(state, job, needsOfFollowers(state, job), holding);
  return { open, allowed, possible: holding.length > 0, ahead: jobsAhead(state, job) };
}

function reasonOfWaiting(state: State, job: Job, known: Known): string {
  return waitingReason(state, job, known) ?? impossibleReason(known.open, job.requirement);
}

/** Ready jobs of higher rank; 0 for a job that is not ready itself. Looks at each shape once, not at each job. */
export function jobsAhead(state: State, job: Job): number {
  if (!state.queued.has(job.id)) return 0;
  let ahead = 0;
  for (const shape of state.shapes.values()) {
    if (shape.priority > job.priority) ahead += shape.jobs.size;
    else if (shape.priority === job.priority) ahead += shape.jobs.countBelow(job.seq);
  }
  return ahead;
}

function fitOn(state: State, job: Job, node: Node, allowed: Allowed, nodes: ReadonlySet<Node>): NodeFit {
  const { id: nodeId, name } = node;
  const never = missesOf(node, null, job.requirement);
  const misses = (never.length > 0 ? never : missesOf(node, usedOf(state, nodeId), job.requirement)).map(
    (miss) => ({
      what: miss.what,
      ...missAmounts(miss),
    }),
  );
  if (!node.connected) misses.push({ what: "node", need: "connected", has: "silent" });
  else if (!takesJobs(node)) misses.push({ what: "node", need: "open", has: "cordoned" });
  if (never.length > 0) return { nodeId, name, fits: "never", misses };
  if (takesJobs(node) && !nodes.has(node)) misses.push(unwanted(state, node, allowed));
  return { nodeId, name, fits: misses.length === 0 ? "now" : "later", misses };
}

/** The node would do, but another is wanted. */
function unwanted(state: State, node: Node, allowed: Allowed): NodeFit["misses"][number] {
  if (allowed.narrowed === "affinity" && allowed.target !== null) {
    const wanted = state.nodes.get(allowed.target.nodeId ?? "")?.name ?? "a node that is gone";
    return { what: "affinity", need: `${wanted}, where ${allowed.target.name} ran`, has: node.name };
  }
  const wanted = allowed.nodes.map((other) => other.name).join(" or ");
  return { what: "followers", need: `${wanted}, where the jobs that follow it fit too`, has: node.name };
}
