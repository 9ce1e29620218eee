import assert from "node:assert/strict";
import { explain } from "../explain.ts";
import { fromSnapshot } from "../snapshot.ts";
import type { State } from "../state.ts";

/** Everything that a state knows, as plain data in one order, so that two states can be compared. */
export function dump(state: State): unknown {
  const sets = (index: ReadonlyMap<string, ReadonlySet<string>>) =>
    sorted(index, (values) => [...values].sort());
  return {
    jobs: sorted(state.jobs, (job) => job),
    attempts: sorted(state.attempts, (attempt) => attempt),
    nodes: sorted(state.nodes, (node) => node),
    follows: sorted(state.follows, (rows) => sorted(rows, (row) => row)),
    finished: sorted(state.finished, (job) => job),
    lastSeq: state.lastSeq,
    shapes: sorted(state.shapes, (shape) => shape.jobs.ids()),
    queued: sorted(state.queued, (shape) => shape.key),
    pending: sorted(state.pending, (count) => count),
    children: sets(state.children),
    followers: sets(state.followers),
    series: sets(state.series),
    deadlines: sorted(state.jobs, (job) => state.deadlines.get(job.id)),
    deadlineCount: state.deadlines.size,
    use: sorted(state.use, (use) => [
      use.cpuMillis,
      use.memoryBytes,
      sorted(use.devices, (job) => job),
      sorted(use.holders, (held) => held),
      [...use.attempts].sort(),
    ]).filter(([, [cpus, memory, devices, holders, attempts]]) =>
      [cpus, memory, devices, holders, attempts].some(
        (part) => part !== 0 && !(Array.isArray(part) && part.length === 0),
      ),
    ),
    silent: [...state.silent].sort(),
    runs: sorted(state.runs, (run) => [[...run.live].sort(), run.lastFinished?.id, run.finished]),
  };
}

function sorted<K, V, W>(map: ReadonlyMap<K, V>, read: (value: V) => W): [K, W][] {
  return [...map].map(([key, value]): [K, W] => [key, read(value)]).sort(([a], [b]) => (a < b ? -1 : 1));
}

/**
 * What must hold after every command: the indexes are those that the rows alone would give, nothing is given twice,
 * and every job is exactly one of running with one attempt, queued, delayed, or waiting for parents.
 */
export function checkState(state: State, now: number): void {
  const rebuilt = fromSnapshot({
    jobs: [...state.jobs.values()],
    attempts: [...state.attempts.values()],
    nodes: [...state.nodes.values()],
    follows: [...state.follows.values()].flatMap((rows) => [...rows.values()]),
    finished: [...state.finished.values()],
    lastSeq: state.lastSeq,
  });
  assert.deepEqual(dump(state), dump(rebuilt));
  for (const job of state.jobs.values()) {
    const live = state.attempts.get(job.id);
    assert.equal(job.state === "running", live !== undefined, `${job.name} is ${job.state}`);
    if (live !== undefined) {
      assert.deepEqual([live.number, live.nodeId, live.devices], [job.attempt, job.nodeId, job.devices]);
    }
    const places = [live !== undefined, state.queued.has(job.id), state.pending.has(job.id)];
    const delayed = job.state === "waiting" && job.readyAt !== null && job.notBefore > job.readyAt;
    assert.equal([...places, delayed].filter(Boolean).length, 1, `${job.name}: ${places}, ${delayed}`);
    assert.notEqual(explain(state, job.id, now)?.reason ?? "", "", `${job.name} has no reason`);
    for (const parent of job.parents) {
      assert.ok(state.jobs.has(parent) || state.finished.get(parent)?.state === "succeeded");
      if (job.state === "running") assert.equal(state.finished.get(parent)?.state, "succeeded");
    }
  }
  checkCapacity(state);
}

function checkCapacity(state: State): void {
  for (const node of state.nodes.values()) {
    const taken = new Set<number>();
    let cpuMillis = 0;
    let memoryBytes = 0;
    for (const attempt of state.attempts.values()) {
      if (attempt.nodeId !== node.id || attempt.state === "exited") continue;
      const { requirement } = state.jobs.get(attempt.jobId)!;
      cpuMillis += requirement.cpuMillis;
      memoryBytes += requirement.memoryBytes;
      assert.equal(attempt.devices.length, requirement.gpus);
      for (const index of attempt.devices) {
        assert.ok(!taken.has(index), `device ${index} of ${node.name} was given twice`);
        assert.ok(node.capacity.devices.some((device) => device.index === index));
        taken.add(index);
      }
    }
    assert.ok(cpuMillis <= node.capacity.cpuMillis, `${node.name} has more cpus in use than it has`);
    assert.ok(memoryBytes <= node.capacity.memoryBytes, `${node.name} has more memory in use than it has`);
  }
}
