import assert from "node:assert/strict";
import { test } from "node:test";
import { affinityTarget } from "./place/affinity.ts";
import { fromSnapshot, remember } from "./snapshot.ts";
import { World } from "./testing/world.ts";

test("only the newest finished jobs are kept, and a run goes with the last of its jobs", () => {
  const world = new World({ finishedMax: 2, checked: false });
  world.join("n");
  for (const name of ["a", "b", "c"]) {
    world.submit({ name, runId: `run-${name}` });
    world.place();
    world.exit(name);
  }
  assert.deepEqual([...world.state.finished.keys()], ["b", "c"]);
  assert.deepEqual([...world.state.runs.keys()], ["run-b", "run-c"]);
});

test("a finished job that is brought back to hand gives its node to affinity", () => {
  const world = new World({ finishedMax: 1, checked: false });
  world.join("n");
  world.submit({ name: "a" }, { name: "b" });
  world.place();
  world.exit("a");
  const a = world.finished("a");
  world.exit("b");
  world.submit({ name: "x", upstream: ["a"], affinity: "preferred" });
  assert.equal(affinityTarget(world.state, world.job("x")), null);
  remember(world.state, [a]);
  assert.equal(affinityTarget(world.state, world.job("x"))?.id, "a");
});

test("a snapshot keeps the highest number, and counts a parent that is neither there nor finished as succeeded", () => {
  const world = new World();
  world.join("n");
  world.submit({ name: "a" }, { name: "b" }, { name: "c", parents: ["a", "b"] });
  world.place();
  world.exit("a");
  const { jobs, attempts, nodes } = world.state;
  const state = fromSnapshot({
    jobs: [...jobs.values()].reverse(),
    attempts: [...attempts.values()],
    nodes: [...nodes.values()],
    follows: [],
    finished: [],
    lastSeq: 70,
  });
  assert.equal(state.lastSeq, 70);
  assert.equal(state.pending.get("c"), 1);
  assert.equal(state.use.get("n")?.cpuMillis, 1_000);
});
