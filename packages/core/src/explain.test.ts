import assert from "node:assert/strict";
import { test } from "node:test";
import { explain, reasonOf } from "./explain.ts";
import { GIB, World } from "./testing/world.ts";

test("no node at all, and a node that no job can use", () => {
  const world = new World();
  world.submit({ name: "x" });
  assert.deepEqual(world.why("x"), {
    reason: "no node is connected that takes jobs",
    possible: false,
    ahead: 0,
    nodes: [],
  });
  assert.equal(explain(world.state, "nope", world.now), null);
});

test("what no node has, and who has the most of it", () => {
  const world = new World();
  world.join("plain", { cpus: 2, memoryGib: 8 });
  world.join("gpu1", { cpus: 4, memoryGib: 4, gpus: 1, labels: { fast: "true" } });
  world.submit(
    { name: "gpus", asks: { gpus: 2 } },
    { name: "cpus", asks: { cpuMillis: 64_000 } },
    { name: "memory", preset: "HIGH_MEM" },
    { name: "model", asks: { gpuModel: "H100" } },
    { name: "label", preset: "tape" },
    { name: "mix", asks: { gpus: 1, memoryBytes: 6 * GIB } },
  );
  assert.equal(world.reason("gpus"), "no connected node has 2 gpus; the most is 1 on gpu1");
  assert.equal(world.reason("cpus"), "no connected node has 64 cpus; the most is 4 on gpu1");
  assert.equal(world.reason("memory"), "no connected node has 16 GiB of memory; the most is 8 GiB on plain");
  assert.equal(world.reason("model"), "no connected node has 1 H100 gpu; there is none at all");
  assert.equal(world.reason("label"), "no connected node has the label tape=true");
  assert.equal(
    world.reason("mix"),
    "no connected node has all that it needs: plain has 0 gpus, needs 1; gpu1 has 4 GiB memory, needs 6 GiB",
  );
  assert.equal(world.why("gpus").possible, false);
  assert.deepEqual(world.why("gpus").nodes, [
    { nodeId: "plain", name: "plain", fits: "never", misses: [{ what: "gpus", need: "2", has: "0" }] },
    { nodeId: "gpu1", name: "gpu1", fits: "never", misses: [{ what: "gpus", need: "2", has: "1" }] },
  ]);
});

test("what is in use, and by whom", () => {
  const world = new World();
  world.join("gpu1", { cpus: 8, gpus: 1 });
  world.submit({ name: "train", id: "k3f9aaaa", preset: "GPU" });
  world.place();
  world.submit({ name: "x", preset: "GPU" }, { name: "y", preset: "GPU" });
  world.place();
  assert.equal(world.reason("x"), "waiting for a free gpu: gpu1 has 1, in use by train (k3f9…)");
  assert.equal(world.reason("y"), "waiting for a free gpu: gpu1 has 1, in use by train (k3f9…); 1 job ahead");
  assert.deepEqual(world.why("x").nodes, [
    { nodeId: "gpu1", name: "gpu1", fits: "later", misses: [{ what: "gpus", need: "1", has: "0" }] },
  ]);
});

test("parts of an amount that are free are named", () => {
  const world = new World();
  world.join("n", { cpus: 4, memoryGib: 16 });
  world.submit({ name: "a", asks: { cpuMillis: 3_000, memoryBytes: 12 * GIB } });
  world.place();
  world.submit(
    { name: "cpus", asks: { cpuMillis: 2_000 } },
    { name: "memory", asks: { memoryBytes: 8 * GIB } },
  );
  assert.equal(world.reason("cpus"), "waiting for 2 free cpus: n has 1 of 4 free, in use by a (a…)");
  assert.equal(
    world.reason("memory"),
    "waiting for 8 GiB of free memory: n has 4 GiB of 16 GiB free, in use by a (a…); 1 job ahead",
  );
});

test("parents, many holders, and what is running", () => {
  const world = new World();
  world.join("n", { cpus: 5 });
  const names = ["a", "b", "c", "d", "e"];
  world.submit(...names.map((name) => ({ name })), { name: "all", parents: names });
  assert.equal(world.reason("a"), "about to be placed");
  assert.equal(world.reason("c"), "2 jobs ahead");
  world.place();
  world.submit({ name: "x" });
  assert.equal(
    world.reason("x"),
    "waiting for a free cpu: n has 5, in use by a (a…), b (b…), c (c…) and 2 more",
  );
  assert.equal(world.reason("all"), "waits for a, b, c and 2 more");
  assert.equal(world.reason("a"), "starting on n");
  world.starts("a");
  assert.equal(world.reason("a"), "running on n");
});

test("jobs ahead are counted by priority and order", () => {
  const world = new World();
  world.submit(
    { name: "a" },
    { name: "b", priority: 3 },
    { name: "c", preset: "GPU" },
    { name: "d", priority: 0 },
  );
  assert.deepEqual(
    ["a", "b", "c", "d"].map((id) => world.why(id).ahead),
    [1, 0, 2, 3],
  );
});

test("a back-off tells what went wrong before", () => {
  const world = new World();
  world.join("n");
  world.submit({ name: "a", retry: { max: 1, backoffMs: 5_000 } });
  world.place();
  world.exit("a", 7);
  assert.equal(
    world.reason("a"),
    "attempt 1 of 2 ended: exit code 7; the next is delayed until 1970-01-01T00:16:45Z",
  );
});

test("the reason alone is that of the whole explanation", () => {
  const world = new World();
  world.join("n", { cpus: 1 });
  world.submit({ name: "a" }, { name: "b" }, { name: "c", parents: ["a"] }, { name: "d", preset: "GPU" });
  world.place();
  for (const id of ["a", "b", "c", "d"]) assert.equal(reasonOf(world.state, id, world.now), world.reason(id));
  assert.equal(reasonOf(world.state, "nope", world.now), "");
});

test("nodes that would do are named with what keeps the job from them", () => {
  const world = new World();
  world.join("a", { cpus: 1 });
  world.submit({ name: "first", runId: "r" });
  world.place();
  world.exit("first");
  world.join("b");
  world.join("gone");
  world.run({ type: "node-silent", nodeId: "gone" });
  world.submit({
    name: "busy",
    asks: { labels: {}, cpuMillis: 1_000 },
    priority: 2,
    runId: "r",
    affinity: "preferred",
  });
  world.place();
  world.submit({ name: "x", runId: "r", affinity: "preferred" });
  const misses = world.why("x").nodes.map(({ name, fits, misses }) => [name, fits, misses[0]]);
  assert.deepEqual(misses, [
    ["a", "later", { what: "cpus", need: "1", has: "0" }],
    ["b", "later", { what: "affinity", need: "a, where first ran", has: "b" }],
    ["gone", "later", { what: "node", need: "connected", has: "silent" }],
  ]);
});
