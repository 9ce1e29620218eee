import type { Job, Node, Requirement } from "../model.ts";
import type { Allowed } from "../place/affinity.ts";
import { countDevices, fitsBeside, type Miss, missesOf } from "../place/fit.ts";
import { isDelayed, type State, usedOf } from "../state.ts";
import { count, formatBytes, formatDuration, formatTime } from "./units.ts";
import { missAmounts, phraseMisses } from "./words.ts";

/** Names listed in one line before "and n more". */
const NAMES_MAX = 3;

interface Known {
  readonly allowed: Allowed;
  readonly ahead: number;
  readonly possible: boolean;
}

/** What a running job is at. */
export function runningReason(state: State, job: Job, now: number): string {
  const node = state.nodes.get(job.nodeId ?? "");
  const attempt = state.attempts.get(job.id);
  const where = node?.name ?? "a node that is gone";
  if (attempt?.state === "exited") return `ended on ${where}, the rest of its log is on its way`;
  const verb =
    job.cancel !== null ? "being cancelled" : attempt?.state === "starting" ? "starting" : "running";
  if (node === undefined || node.connected) return `${verb} on ${where}`;
  return `${verb} on ${where}, which has been silent for ${formatDuration(now - (node.silentAt ?? now))}`;
}

/** Why a waiting job is not placed; null where no connected node can ever hold it. */
export function waitingReason(state: State, job: Job, { allowed, ahead, possible }: Known): string | null {
  if (job.readyAt === null) {
    const open = job.parents.flatMap((id) => state.jobs.get(id)?.name ?? []);
    return `waits for ${listed(open)}`;
  }
  if (isDelayed(job)) {
    const until = `delayed until ${formatTime(job.notBefore)}`;
    return job.attempt === 0 ? until : `${job.note}; the next is ${until}`;
  }
  if (allowed.impossible !== null) return allowed.impossible;
  if (allowed.target !== null && allowed.nodes.length === 0 && job.affinity === "required") {
    return `waits for the node of ${allowed.target.name}: ${allowed.broken}`;
  }
  if (!possible) return null;
  const behind = `${count(ahead, "job")} ahead`;
  if (allowed.nodes.some((node) => fitsBeside(node, usedOf(state, node.id), job.requirement))) {
    return ahead > 0 ? behind : "about to be placed";
  }
  const busy = busyReason(state, job, allowed);
  return ahead > 0 ? `${busy}; ${behind}` : busy;
}

/** Which amount no node has, and who has the most of it. */
export function impossibleReason(open: readonly Node[], requirement: Requirement): string {
  if (open.length === 0) return "no node is connected that takes jobs";
  const misses = open.map((node) => ({ node, misses: missesOf(node, null, requirement) }));
  for (const dimension of ["label", "gpus", "memory", "cpus"] as const) {
    const found = misses.flatMap(({ node, misses }) => {
      const miss = misses.find((m) => m.dimension === dimension);
      return miss === undefined ? [] : [{ node, miss }];
    });
    if (found.length < open.length) continue;
    const [first] = found;
    if (dimension === "label") {
      const labels = Object.entries(requirement.labels).map(([name, value]) => `${name}=${value}`);
      return `no connected node has the label ${labels.join(" and ")}`;
    }
    const best = found.reduce((a, b) => (Number(b.miss.has) > Number(a.miss.has) ? b : a), first!);
    const { need, has } = missAmounts(best.miss);
    const most =
      Number(best.miss.has) > 0 ? `the most is ${has} on ${best.node.name}` : "there is none at all";
    return `no connected node has ${withNoun(need, best.miss)}; ${most}`;
  }
  const each = misses.map(({ node, misses }) => `${node.name} ${phraseMisses(misses)}`);
  return `no connected node has all that it needs: ${listed(each, "; ")}`;
}

/** The node that comes nearest, what it lacks now, and who holds that. */
function busyReason(state: State, job: Job, allowed: Allowed): string {
  let nearest: { node: Node; misses: readonly Miss[] } | null = null;
  for (const node of allowed.nodes) {
    const misses = missesOf(node, usedOf(state, node.id), job.requirement);
    if (nearest === null || misses.length < nearest.misses.length) nearest = { node, misses };
  }
  const miss = nearest?.misses[0];
  if (nearest === null || miss === undefined) return "waits for a free place";
  const { node } = nearest;
  const { need, has } = missAmounts(miss);
  const wanted =
    miss.what.endsWith("s") && need === "1" ? `a free ${miss.what.slice(0, -1)}` : freeNoun(need, miss);
  const total = totalOf(node, job.requirement, miss);
  const free = Number(miss.has) > 0 ? `${has} of ${total} free` : total;
  const where =
    allowed.narrowed === "affinity" && allowed.target !== null
      ? ` on ${node.name}, where ${allowed.target.name} ran`
      : allowed.narrowed === "followers"
        ? ` on ${node.name}, where the jobs that follow it fit too`
        : "";
  const users = holdersOf(state, node, miss);
  return `waiting for ${wanted}${where}: ${node.name} has ${free}, in use by ${listed(users)}`;
}

function totalOf(node: Node, requirement: Requirement, miss: Miss): string {
  if (miss.dimension === "gpus") return `${countDevices(node, requirement, null)}`;
  if (miss.dimension === "memory") return formatBytes(node.capacity.memoryBytes);
  return `${node.capacity.cpuMillis / 1_000}`;
}

/** `train (k3f9…)` for each job that holds some of what is missing. */
function holdersOf(state: State, node: Node, miss: Miss): string[] {
  const use = state.use.get(node.id);
  if (use === undefined) return [];
  const ids: string[] = [];
  for (const [id, held] of use.holders) {
    const holds =
      miss.dimension === "gpus"
        ? held.devices.length > 0
        : miss.dimension === "memory"
          ? held.requirement.memoryBytes > 0
          : held.requirement.cpuMillis > 0;
    if (holds) ids.push(id);
  }
  return ids.map((id) => `${state.jobs.get(id)?.name ?? "a job"} (${id.slice(0, 4)}…)`);
}

function withNoun(need: string, miss: Miss): string {
  const noun = need === "1" ? miss.what.replace(/(gpu|cpu)s/, "$1") : miss.what;
  return miss.dimension === "memory" ? `${need} of memory` : `${need} ${noun}`;
}

function freeNoun(need: string, miss: Miss): string {
  return miss.dimension === "memory" ? `${need} of free memory` : `${need} free ${miss.what}`;
}

function listed(names: readonly string[], separator = ", "): string {
  if (names.length <= NAMES_MAX) return names.join(separator);
  return `${names.slice(0, NAMES_MAX).join(separator)} and ${names.length - NAMES_MAX} more`;
}
