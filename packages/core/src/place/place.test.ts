import assert from "node:assert/strict";
import { test } from "node:test";
import { GIB, World } from "../testing/world.ts";

test("higher priority first, then first come", () => {
  const world = new World();
  world.join("n", { cpus: 1 });
  world.submit({ name: "a" }, { name: "b", priority: 5 }, { name: "c" }, { name: "d", priority: 5 });
  const order: string[] = [];
  for (let placed = world.place(); placed.length > 0; placed = world.place()) {
    order.push(...placed);
    world.exit(placed[0]!.split("@")[0]!);
  }
  assert.deepEqual(order, ["b@n", "d@n", "a@n", "c@n"]);
});

test("a job keeps off nodes with devices while others are free, but may use them", () => {
  const world = new World();
  world.join("a-gpu", { gpus: 1, cpus: 2 });
  world.join("b-plain", { cpus: 1 });
  world.submit({ name: "x" }, { name: "y" });
  assert.deepEqual(world.place(), ["x@b-plain", "y@a-gpu"]);
});

test("devices are never given twice, the smallest that serve go first", () => {
  const world = new World();
  world.join("n", {
    gpus: [
      { gib: 80, model: "A100" },
      { gib: 24, model: "L4" },
      { gib: 80, model: "A100" },
    ],
  });
  world.submit(
    { name: "any", preset: "GPU" },
    { name: "big", asks: { gpuMemoryBytes: 40 * 1024 ** 3 } },
    { name: "model", asks: { gpuModel: "a100" } },
    { name: "more", asks: { gpuModel: "A100" } },
  );
  assert.deepEqual(world.place(), ["any@n", "big@n", "model@n"]);
  assert.deepEqual(
    ["any", "big", "model"].map((id) => world.job(id).devices),
    [[1], [0], [2]],
  );
  world.exit("big");
  assert.deepEqual(world.place(), ["more@n"]);
  assert.deepEqual(world.job("more").devices, [0]);
});

test("gpu jobs go to the smallest sufficient devices of all nodes", () => {
  const world = new World();
  world.join("a", { gpus: [{ gib: 80, model: "A100" }] });
  world.join("b", { gpus: [{ gib: 24, model: "L4" }] });
  world.submit({ name: "x", preset: "GPU" });
  assert.deepEqual(world.place(), ["x@b"]);
});

test("the fullest node that has room is taken, so that large gaps stay", () => {
  const world = new World();
  world.join("a", { cpus: 8 });
  world.join("b", { cpus: 4 });
  world.submit({ name: "x", asks: { cpuMillis: 2_000 } });
  assert.deepEqual(world.place(), ["x@b"]);
  world.submit({ name: "y", asks: { cpuMillis: 2_000 } }, { name: "z", asks: { cpuMillis: 8_000 } });
  assert.deepEqual(world.place(), ["y@b", "z@a"]);
});

test("labels must be carried with the same value", () => {
  const world = new World();
  world.join("plain", { labels: { disk: "hdd" } });
  world.join("fast", { labels: { disk: "ssd", fast: "true" } });
  world.submit({ name: "x", preset: "fast" }, { name: "y", asks: { labels: { disk: "ssd" } } });
  world.submit({ name: "z", asks: { labels: { toString: "x" } } });
  assert.deepEqual(world.place(), ["x@fast", "y@fast"]);
});

test("a job that fits nowhere blocks nobody", () => {
  const world = new World();
  world.join("n", { cpus: 2 });
  world.submit({ name: "huge", asks: { cpuMillis: 99_000 }, priority: 9 }, { name: "x" }, { name: "y" });
  assert.deepEqual(world.place(), ["x@n", "y@n"]);
});

test("a large job is not starved by small ones", () => {
  const world = new World();
  world.join("n", { cpus: 2 });
  world.submit({ name: "s1" }, { name: "s2" });
  world.place();
  world.submit({ name: "large", asks: { cpuMillis: 2_000 } }, { name: "s3" }, { name: "s4" });
  world.exit("s1");
  assert.deepEqual(world.place(), []);
  assert.equal(world.reason("s3"), "1 job ahead");
  world.exit("s2");
  assert.deepEqual(world.place(), ["large@n"]);
});

test("a reserved node still takes what does not touch the reserved amounts", () => {
  const world = new World();
  world.join("n", { cpus: 3, gpus: 1 });
  world.submit({ name: "g1", preset: "GPU" });
  world.place();
  // g2 needs a cpu and the gpu: of the two free cpus, one is kept.
  world.submit({ name: "g2", preset: "GPU" }, { name: "x" }, { name: "y" });
  assert.deepEqual(world.place(), ["x@n"]);
  world.exit("g1");
  assert.deepEqual(world.place(), ["g2@n", "y@n"]);
});

test("only the node nearest to free is reserved; others serve small jobs", () => {
  const world = new World();
  world.join("a", { cpus: 4 });
  world.join("b", { cpus: 4 });
  world.submit({ name: "half", asks: { cpuMillis: 2_000 } }, { name: "most", asks: { cpuMillis: 3_500 } });
  assert.deepEqual(world.place(), ["half@a", "most@b"]);
  world.submit({ name: "whole", asks: { cpuMillis: 4_000 } });
  world.submit({ name: "tiny", asks: { cpuMillis: 500 } }, { name: "small", asks: { cpuMillis: 1_000 } });
  assert.deepEqual(world.place(), ["tiny@b"]);
});

test("a node that another shape has made worse is rated anew within the pass", () => {
  const world = new World();
  world.join("a", { gpus: 1 });
  world.join("b", { gpus: [{ gib: 48, model: "A40" }] });
  world.join("c", {
    gpus: [
      { gib: 24, model: "T4" },
      { gib: 80, model: "A100" },
    ],
  });
  world.submit(
    { name: "x1", preset: "GPU" },
    { name: "y", asks: { gpuModel: "T4" } },
    { name: "x2", preset: "GPU" },
  );
  assert.deepEqual(world.place(), ["x1@a", "y@c", "x2@b"]);
});

test("devices of a reserved node are kept too, except those that do not serve", () => {
  const world = new World();
  const gpus = [
    { gib: 80, model: "A100" },
    { gib: 80, model: "A100" },
    { gib: 24, model: "L4" },
  ];
  world.join("n", { cpus: 16, memoryGib: 32, gpus });
  world.submit({ name: "m", asks: { memoryBytes: 16 * GIB } });
  world.place();
  world.submit({ name: "big", asks: { gpus: 2, gpuModel: "A100", memoryBytes: 20 * GIB } });
  world.submit({ name: "s1", asks: { gpuModel: "A100" } }, { name: "s2", asks: { gpuModel: "L4" } });
  world.submit({ name: "s3", asks: { memoryBytes: 1 * GIB } }, { name: "s4" });
  assert.deepEqual(world.place(), ["s2@n", "s4@n"]);
  world.exit("m");
  assert.deepEqual(world.place(), ["big@n", "s3@n"]);
});

test("cordoned nodes take nothing", () => {
  const world = new World();
  world.join("n");
  const node = world.state.nodes.get("n")!;
  (world.state.nodes as Map<string, typeof node>).set("n", { ...node, admission: "cordoned" });
  world.submit({ name: "x" });
  assert.deepEqual(world.place(), []);
  assert.deepEqual(world.why("x").nodes[0]?.misses, [{ what: "node", need: "open", has: "cordoned" }]);
  world.join("n");
  assert.deepEqual(world.place(), []);
});

test("20,000 equal waiting jobs cost a pass no more than a few", () => {
  const world = new World({ checked: false });
  world.join("n", { cpus: 2 });
  world.submit(...Array.from({ length: 20_000 }, (_, i) => ({ name: `j${i}` })));
  assert.equal(world.place().length, 2);
  let looked = 0;
  const { jobs } = world.state;
  const get = jobs.get.bind(jobs);
  (jobs as Map<string, unknown>).get = (id: string) => {
    looked += 1;
    return get(id);
  };
  assert.deepEqual(world.place(), []);
  assert.ok(looked < 10, `looked at ${looked} jobs`);
});
