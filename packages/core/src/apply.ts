import type { Change } from "./decision.ts";
import { addFinished, runOf } from "./finished.ts";
import type { Attempt, Follow, Job, Node } from "./model.ts";
import { SeqList, type Shape } from "./queue.ts";
import { requirementKey } from "./requirement.ts";
import { shapeKey } from "./shape.ts";
import { followed, followKey, isDelayed, type Memory, type State } from "./state.ts";
import { assertStep, holdsResources, isFinished, NEXT_ATTEMPT, NEXT_JOB } from "./transitions.ts";

/**
 * Takes the rows of a decision into memory, in their order: the only thing that changes a state. Throws on a step
 * that `NEXT_JOB` or `NEXT_ATTEMPT` forbids, which is a bug; memory is then to be thrown away and loaded again.
 */
export function apply(state: State, changes: readonly Change[]): void {
  const memory = state as Memory;
  const touched = new Set<string>();
  const unready: Job[] = [];
  for (const change of changes) {
    if (change.table === "jobs") applyJob(memory, change.row, touched, unready);
    else if (change.table === "attempts") applyAttempt(memory, change.row);
    else if (change.table === "nodes") applyNode(memory, change.row);
    else applyFollow(memory, change.row, touched);
  }
  // A parent may come after its child in one list: only when all are in is "unfinished" the same as "in memory".
  for (const job of unready) if (memory.jobs.get(job.id) === job) countParents(memory, job);
  requeueTouched(memory, touched);
}

/**
 * `touched` gathers jobs whose followers changed: their shape is looked at once, after all changes. `unready` gathers
 * new jobs that have parents to wait for.
 */
function applyJob(memory: Memory, row: Job, touched: Set<string>, unready: Job[]): void {
  const before = memory.jobs.get(row.id);
  if (before !== undefined) assertStep(NEXT_JOB, before.state, row.state, `job ${row.id}`);
  memory.lastSeq = Math.max(memory.lastSeq, row.seq);
  if (isFinished(row.state)) {
    if (before !== undefined) removeJob(memory, before, touched);
    const { id, seq, name, runId, state, nodeId, finishedAt, exit } = row;
    addFinished(memory, { id, seq, name, runId, state, nodeId, finishedAt, exit });
    if (row.state === "succeeded") countSuccess(memory, row.id);
    memory.children.delete(row.id);
    return;
  }
  memory.jobs.set(row.id, row);
  if (before === undefined) {
    addJob(memory, row, touched);
    if (row.readyAt === null) unready.push(row);
  }
  if (row.state !== "waiting" || row.readyAt === null) {
    dequeue(memory, row);
    memory.deadlines.delete(row.id);
    return;
  }
  memory.pending.delete(row.id);
  if (isDelayed(row)) {
    dequeue(memory, row);
    memory.deadlines.set(row.id, row.notBefore);
    return;
  }
  if (row.queueTimeoutMs === null) memory.deadlines.delete(row.id);
  else memory.deadlines.set(row.id, row.readyAt + row.queueTimeoutMs);
  if (!memory.queued.has(row.id)) enqueue(memory, row);
}

function addJob(memory: Memory, job: Job, touched: Set<string>): void {
  if (job.runId !== null) runOf(memory, job.runId).live.add(job.id);
  for (const target of followed(job)) {
    link(memory.followers, target, job.id);
    touched.add(target);
  }
}

/** A parent that is not unfinished has succeeded: had it not, the same decision would have ended the child. */
function countParents(memory: Memory, job: Job): void {
  let pending = 0;
  for (const parent of job.parents) {
    if (!memory.jobs.has(parent)) continue;
    link(memory.children, parent, job.id);
    pending += 1;
  }
  memory.pending.set(job.id, pending);
}

function removeJob(memory: Memory, job: Job, touched: Set<string>): void {
  dequeue(memory, job);
  memory.jobs.delete(job.id);
  memory.deadlines.delete(job.id);
  memory.pending.delete(job.id);
  if (job.state === "waiting" && job.readyAt === null) {
    for (const parent of job.parents) unlink(memory.children, parent, job.id);
  }
  for (const target of followed(job)) {
    unlink(memory.followers, target, job.id);
    touched.add(target);
  }
  const run = job.runId === null ? undefined : memory.runs.get(job.runId);
  run?.live.delete(job.id);
}

/**
 * Looks again at the shape of each job whose followers changed, and of all that it follows in turn: only now, as
 * within one list of changes a job may come after those that follow it.
 */
function requeueTouched(memory: Memory, touched: Set<string>): void {
  for (const id of touched) {
    const job = memory.jobs.get(id);
    if (job === undefined) continue;
    for (const target of followed(job)) touched.add(target);
    requeue(memory, job);
  }
}

function countSuccess(memory: Memory, parent: string): void {
  for (const child of memory.children.get(parent) ?? []) {
    const pending = memory.pending.get(child);
    if (pending !== undefined) memory.pending.set(child, pending - 1);
  }
}

function enqueue(memory: Memory, job: Job): void {
  const { key, followers } = shapeKey(memory, job);
  let shape = memory.shapes.get(key);
  if (shape === undefined) {
    const { priority, requirement } = job;
    shape = { key, priority, requirement, followers, jobs: new SeqList() } satisfies Shape;
    memory.shapes.set(key, shape);
  }
  shape.jobs.add(job.seq, job.id);
  memory.queued.set(job.id, shape);
  if (job.series !== null) link(memory.series, job.series, job.id);
}

function dequeue(memory: Memory, job: Job): void {
  const shape = memory.queued.get(job.id);
  if (shape === undefined) return;
  memory.queued.delete(job.id);
  shape.jobs.remove(job.seq);
  if (shape.jobs.size === 0) memory.shapes.delete(shape.key);
  if (job.series !== null) unlink(memory.series, job.series, job.id);
}

function requeue(memory: Memory, job: Job): void {
  const shape = memory.queued.get(job.id);
  if (shape === undefined || shapeKey(memory, job).key === shape.key) return;
  dequeue(memory, job);
  enqueue(memory, job);
}

function applyAttempt(memory: Memory, row: Attempt): void {
  const before = memory.attempts.get(row.jobId);
  if (before?.number === row.number) {
    assertStep(NEXT_ATTEMPT, before.state, row.state, `attempt ${row.jobId}.${row.number}`);
  }
  let use = memory.use.get(row.nodeId);
  if (use === undefined) {
    use = { cpuMillis: 0, memoryBytes: 0, devices: new Map(), holders: new Map(), attempts: new Set() };
    memory.use.set(row.nodeId, use);
  }
  const held = use.holders.get(row.jobId);
  if (holdsResources(row.state) && held === undefined) {
    const requirement = memory.jobs.get(row.jobId)!.requirement;
    use.holders.set(row.jobId, { requirement, devices: row.devices });
    use.cpuMillis += requirement.cpuMillis;
    use.memoryBytes += requirement.memoryBytes;
    for (const device of row.devices) use.devices.set(device, row.jobId);
  } else if (!holdsResources(row.state) && held !== undefined) {
    use.holders.delete(row.jobId);
    use.cpuMillis -= held.requirement.cpuMillis;
    use.memoryBytes -= held.requirement.memoryBytes;
    for (const device of held.devices) use.devices.delete(device);
  }
  if (row.state === "ended") {
    memory.attempts.delete(row.jobId);
    use.attempts.delete(row.jobId);
  } else {
    memory.attempts.set(row.jobId, row);
    use.attempts.add(row.jobId);
  }
}

function applyNode(memory: Memory, row: Node): void {
  memory.nodes.set(row.id, row);
  if (row.connected) memory.silent.delete(row.id);
  else memory.silent.add(row.id);
}

function applyFollow(memory: Memory, row: Follow, touched: Set<string>): void {
  const key = followKey(row.series, row.name);
  let rows = memory.follows.get(key);
  if (rows === undefined) {
    rows = new Map();
    memory.follows.set(key, rows);
  }
  const before = rows.get(row.follower);
  rows.set(row.follower, row);
  if (before !== undefined && requirementKey(before.requirement) === requirementKey(row.requirement)) return;
  for (const id of memory.series.get(row.series) ?? []) touched.add(id);
}

function link(index: Map<string, Set<string>>, key: string, value: string): void {
  const values = index.get(key);
  if (values === undefined) index.set(key, new Set([value]));
  else values.add(value);
}

function unlink(index: Map<string, Set<string>>, key: string, value: string): void {
  const values = index.get(key);
  values?.delete(value);
  if (values?.size === 0) index.delete(key);
}
