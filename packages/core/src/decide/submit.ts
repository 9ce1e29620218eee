import type { Decision, NewJob } from "../decision.ts";
import type { Draft } from "../draft.ts";
import type { FinishedJob, Job } from "../model.ts";
import { isFinished } from "../transitions.ts";
import { endWithout, parentFailed, readyNow } from "./outcome.ts";
import { reject } from "./reject.ts";

const NO_DEVICES: readonly number[] = [];
const NOBODY: readonly number[] = [];

/**
 * Takes a batch of jobs, all or none. `known` are finished jobs that the batch names and that memory may have
 * forgotten. Rejected where two jobs are the same, a parent does not exist, or jobs wait for each other in a circle.
 */
export function submit(draft: Draft, jobs: readonly NewJob[], known: readonly FinishedJob[]): Decision {
  const batch = new Map<string, number>();
  const twice = findDuplicate(draft, jobs, batch);
  if (twice !== null) return twice;
  const finished = new Map(known.map((job) => [job.id, job]));
  const inner: (readonly number[])[] = [];
  for (const [index, job] of jobs.entries()) {
    const unknown = job.parents.findIndex(
      (id) =>
        !batch.has(id) && !draft.state.jobs.has(id) && !draft.state.finished.has(id) && !finished.has(id),
    );
    if (unknown >= 0) {
      return reject(
        "unknown-parent",
        `${job.name} waits for ${job.parents[unknown]}, which does not exist`,
        "Parents are names of the same submission or run, or job ids.",
        `jobs[${index}].parents[${unknown}]`,
      );
    }
    inner.push(job.parents.length === 0 ? NOBODY : job.parents.flatMap((id) => batch.get(id) ?? []));
  }
  const { order, cycle } = sortByParents(inner);
  if (cycle.length > 0) {
    const names = cycle.map((index) => jobs[index]!.name).join(" → ");
    return reject(
      "dependency-cycle",
      `jobs wait for each other in a circle: ${names}`,
      "Remove one of these dependencies.",
      `jobs[${cycle[0]}].parents`,
    );
  }
  const rows: Job[] = [];
  for (const index of order) rows[index] = newRow(draft, jobs[index]!, index, inner[index]!, rows, finished);
  for (const row of rows) draft.changes.push({ table: "jobs", row });
  return draft.done();
}

/** Fills `batch` with id → place in the submission. Names tell the jobs of one submission apart, ids all jobs. */
function findDuplicate(draft: Draft, jobs: readonly NewJob[], batch: Map<string, number>): Decision | null {
  const names = new Map<string, number>();
  for (const [index, job] of jobs.entries()) {
    const other = names.get(job.name);
    if (other !== undefined) {
      const message = `jobs ${other} and ${index} of the submission are both called ${job.name}`;
      return reject(
        "duplicate-job",
        message,
        "Give each job of a submission its own name.",
        `jobs[${index}].name`,
      );
    }
    if (batch.has(job.id) || draft.state.jobs.has(job.id) || draft.state.finished.has(job.id)) {
      const message = `there is a job ${job.id} already`;
      return reject("duplicate-job", message, "Each job needs an id of its own.", `jobs[${index}].id`);
    }
    names.set(job.name, index);
    batch.set(job.id, index);
  }
  return null;
}

/** `rows` holds the parents of the same batch, which come first in the order of work. */
function newRow(
  draft: Draft,
  job: NewJob,
  index: number,
  innerParents: readonly number[],
  rows: readonly Job[],
  known: ReadonlyMap<string, FinishedJob>,
): Job {
  const { now, state } = draft;
  const parents = new Set(job.parents).size === job.parents.length ? job.parents : [...new Set(job.parents)];
  const row: Job = {
    ...job,
    parents,
    seq: state.lastSeq + 1 + index,
    submittedAt: now,
    state: "waiting",
    attempt: 0,
    readyAt: parents.length === 0 ? now : null,
    notBefore: parents.length === 0 ? now + job.delayMs : now,
    nodeId: null,
    devices: NO_DEVICES,
    startedAt: null,
    finishedAt: null,
    cancel: null,
    exit: null,
    note: "",
  };
  if (parents.length === 0) return row;
  const outer = parents.flatMap((id) => state.finished.get(id) ?? known.get(id) ?? []);
  const failed = [...outer, ...innerParents.map((place) => rows[place]!)].find(
    (parent) => isFinished(parent.state) && parent.state !== "succeeded",
  );
  if (failed !== undefined) {
    const exit = endWithout("parent-failed", parentFailed(failed));
    return { ...row, state: "failed", exit, finishedAt: now };
  }
  const ready = innerParents.length === 0 && parents.every((id) => !state.jobs.has(id));
  return ready ? readyNow(row, now) : row;
}

/** Parents before children, otherwise as submitted; or one circle, each job before one that waits for it. */
function sortByParents(parents: readonly (readonly number[])[]): { order: number[]; cycle: number[] } {
  if (parents.every((list) => list.length === 0)) return { order: [...parents.keys()], cycle: [] };
  const left = parents.map((list) => list.length);
  const children: number[][] = parents.map(() => []);
  for (const [child, list] of parents.entries()) for (const parent of list) children[parent]!.push(child);
  const order = left.flatMap((count, index) => (count === 0 ? [index] : []));
  for (const parent of order) {
    for (const child of children[parent]!) {
      left[child]! -= 1;
      if (left[child] === 0) order.push(child);
    }
  }
  if (order.length === parents.length) return { order, cycle: [] };
  // Whatever is left waits for something that is left: going from one to the next must come round.
  const path = new Set<number>();
  let at = left.findIndex((count) => count > 0);
  while (!path.has(at)) {
    path.add(at);
    at = parents[at]!.find((parent) => left[parent]! > 0)!;
  }
  const steps = [...path];
  return { order, cycle: [...steps.slice(steps.indexOf(at)), at].reverse() };
}
