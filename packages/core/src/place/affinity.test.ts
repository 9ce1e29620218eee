import assert from "node:assert/strict";
import { test } from "node:test";
import type { Effect } from "../decision.ts";
import { type JobSketch, World } from "../testing/world.ts";

const RUN = { runId: "r", series: "s" } as const;

/** One plain node and one with a gpu; `raw` of run `r` has ended on the plain one. */
function afterRaw(): World {
  const world = new World();
  world.join("plain", { cpus: 2 });
  world.submit({ ...RUN, name: "raw" });
  world.place();
  world.exit("raw");
  world.join("gpu", { gpus: 1, cpus: 4 });
  return world;
}

function notes(effects: readonly Effect[]): string[] {
  return effects.flatMap((effect) => (effect.type === "start" ? effect.notes : []));
}

test("a job follows its parents, else its upstream, else the last of its run", () => {
  const cases: JobSketch[] = [{ parents: ["x"] }, { upstream: ["x"] }, { runId: "r" }];
  for (const sketch of cases) {
    const world = new World();
    world.join("a", { cpus: 1 });
    world.join("z", { cpus: 4 });
    world.submit(
      { name: "first", asks: { cpuMillis: 1_000 } },
      { name: "x", runId: "r", asks: { cpuMillis: 2_000 } },
    );
    assert.deepEqual(world.place(), ["first@a", "x@z"]);
    world.now += 5;
    world.exit("first");
    world.exit("x");
    world.submit({ name: "y", affinity: "preferred", ...sketch });
    assert.deepEqual(world.place(), ["y@z"], JSON.stringify(sketch));
  }
});

test("of several parents the one that ended last is followed", () => {
  const world = new World();
  world.join("a", { cpus: 1 });
  world.join("b", { cpus: 1 });
  world.submit({ name: "p" }, { name: "q" }, { name: "c", parents: ["p", "q"], affinity: "preferred" });
  assert.deepEqual(world.place(), ["p@a", "q@b"]);
  world.exit("q");
  world.now += 1;
  world.exit("p");
  assert.deepEqual(world.place(), ["c@a"]);
});

test("where its node is busy it waits for it, and says so", () => {
  const world = afterRaw();
  world.submit({ name: "busy", asks: { cpuMillis: 2_000 } });
  assert.deepEqual(world.place(), ["busy@plain"]);
  world.submit({ ...RUN, name: "next", upstream: ["raw"], affinity: "preferred" });
  assert.deepEqual(world.place(), []);
  assert.equal(
    world.reason("next"),
    "waiting for a free cpu on plain, where raw ran: plain has 2, in use by busy (busy…)",
  );
  world.exit("busy");
  assert.deepEqual(world.place(), ["next@plain"]);
});

test("where its node can never hold it, the requirement wins and the log says so", () => {
  const world = afterRaw();
  world.submit({ ...RUN, name: "train", preset: "GPU", upstream: ["raw"], affinity: "preferred" });
  assert.deepEqual(world.place(), ["train@gpu"]);
  const line = "affinity to raw not kept: its node plain has 0 gpus, needs 1; placed on gpu";
  assert.deepEqual(notes(world.effects), [line]);
  assert.equal(world.job("train").note, line);
});

test("a silent node counts as not there", () => {
  const world = afterRaw();
  world.run({ type: "node-silent", nodeId: "plain" });
  world.submit({ ...RUN, name: "next", affinity: "preferred" });
  assert.deepEqual(world.place(), ["next@gpu"]);
  assert.deepEqual(notes(world.effects), [
    "affinity to raw not kept: its node plain is silent; placed on gpu",
  ]);
});

test("required affinity fails at once where it can never hold, and waits for a silent node", () => {
  const world = afterRaw();
  world.submit(
    { ...RUN, name: "train", preset: "GPU", affinity: "required" },
    { ...RUN, name: "after", parents: ["train"] },
  );
  assert.deepEqual(world.place(), []);
  assert.equal(
    world.end("train"),
    "failed: affinity-impossible: affinity to raw cannot hold: its node plain has 0 gpus, needs 1",
  );
  assert.equal(world.end("after"), "failed: parent-failed: train (train) failed");
  world.run({ type: "node-silent", nodeId: "plain" });
  world.submit({ ...RUN, name: "other", upstream: ["raw"], affinity: "required" });
  assert.deepEqual(world.place(), []);
  assert.equal(world.reason("other"), "waits for the node of raw: its node plain is silent");
  world.join("plain", { cpus: 2 });
  assert.deepEqual(world.place(), ["other@plain"]);
});

test("nothing to follow is no reason to wait", () => {
  const world = new World();
  world.join("n");
  world.submit({ name: "x", affinity: "required" }, { name: "y", affinity: "preferred", runId: "r" });
  assert.deepEqual(world.place(), ["x@n", "y@n"]);
});

test("a root whose affine descendant needs a gpu is put where both fit, and waits for that", () => {
  const world = new World();
  world.join("plain");
  world.join("gpu", { gpus: 1, cpus: 1 });
  world.submit({ name: "busy", preset: "GPU" });
  world.place();
  world.submit(
    { name: "root" },
    { name: "middle", parents: ["root"], affinity: "preferred" },
    { name: "train", parents: ["middle"], affinity: "preferred", preset: "GPU" },
    { name: "loner" },
  );
  assert.deepEqual(world.place(), ["loner@plain"]);
  assert.match(
    world.reason("root"),
    /^waiting for a free cpu on gpu, where the jobs that follow it fit too: gpu has 1/,
  );
  for (const id of ["busy", "root", "middle"]) {
    world.exit(id);
    world.place();
  }
  assert.equal(world.job("train").nodeId, "gpu");
});

test("followers that come or go later move the job to another shape", () => {
  const world = new World();
  world.join("plain", { cpus: 1 });
  world.join("gpu", { gpus: 1, cpus: 1 });
  world.submit({ name: "b1" }, { name: "b2" });
  world.place();
  world.submit({ name: "root", runId: "r" });
  world.submit({
    name: "train",
    runId: "r",
    upstream: ["root"],
    affinity: "preferred",
    preset: "GPU",
    delayMs: 1,
  });
  world.exit("b1");
  assert.deepEqual(world.place(), []);
  world.run({ type: "cancel", jobIds: ["train"], cause: "cancelled" });
  assert.deepEqual(world.place(), ["root@plain"]);
});

test("where no node holds both, the followers are no reason to wait", () => {
  const world = new World();
  world.join("plain");
  world.submit({ name: "root" }, { name: "train", parents: ["root"], affinity: "preferred", preset: "GPU" });
  assert.deepEqual(world.place(), ["root@plain"]);
});

test("from the second run on, the first step goes where the remembered follower fits", () => {
  const world = new World();
  world.join("plain");
  world.join("gpu", { gpus: 1 });
  const seen: string[] = [];
  for (const run of ["r1", "r2"]) {
    for (const [name, preset, affinity] of [
      ["raw_data", "GENERAL", "none"],
      ["trained_model", "GPU", "preferred"],
      ["evaluation", "GENERAL", "none"],
    ] as const) {
      const id = `${run}-${name}`;
      world.submit({ id, name, preset, affinity, runId: run, series: "pipeline" });
      seen.push(...world.place());
      world.now += 10;
      world.exit(id);
    }
  }
  assert.deepEqual(seen, [
    "raw_data@plain",
    "trained_model@gpu",
    "evaluation@plain",
    "raw_data@gpu",
    "trained_model@gpu",
    "evaluation@plain",
  ]);
  assert.equal(world.state.follows.size, 1);
});

test("memory goes on from follower to follower, and forgets what a follower needed before", () => {
  const world = new World();
  world.join("plain");
  world.join("gpu", { gpus: 1 });
  const round = (run: string, preset: string): string[] => {
    const placed: string[] = [];
    let upstream: string[] = [];
    for (const name of ["raw", "clean", "train"]) {
      const id = `${run}-${name}`;
      const affinity = name === "raw" ? "none" : "preferred";
      const needs = name === "train" ? preset : "GENERAL";
      world.submit({ id, name, preset: needs, affinity, upstream, runId: run, series: "s" });
      placed.push(...world.place());
      world.now += 10;
      world.exit(id);
      upstream = [id];
    }
    return placed;
  };
  assert.deepEqual(round("r1", "GPU"), ["raw@plain", "clean@plain", "train@gpu"]);
  assert.deepEqual(round("r2", "GPU"), ["raw@gpu", "clean@gpu", "train@gpu"]);
  assert.deepEqual(round("r3", "GENERAL"), ["raw@gpu", "clean@gpu", "train@gpu"]);
  assert.deepEqual(round("r4", "GENERAL"), ["raw@plain", "clean@plain", "train@plain"]);
});

test("what is remembered is kept within one run, and once", () => {
  const world = new World();
  world.join("n");
  const rows = (run: string): number => {
    world.submit({
      id: run,
      name: "next",
      runId: run,
      series: "s",
      upstream: ["first"],
      affinity: "preferred",
    });
    const decision = world.run({ type: "place" });
    world.exit(run);
    return decision.changes.filter((change) => change.table === "follows").length;
  };
  world.submit({ name: "first", runId: "r", series: "s" });
  world.place();
  world.exit("first");
  assert.deepEqual(["other", "r"].map(rows), [0, 1]);
  world.submit({
    id: "again",
    name: "next",
    runId: "r",
    series: "s",
    upstream: ["first"],
    affinity: "preferred",
  });
  assert.deepEqual(
    world.run({ type: "place" }).changes.map((change) => change.table),
    ["jobs", "attempts"],
  );
});

test("parents come before the upstream, even where that ended later", () => {
  const world = new World();
  world.join("a", { cpus: 1 });
  world.join("b", { cpus: 1 });
  world.submit({ name: "parent" }, { name: "upstream" });
  assert.deepEqual(world.place(), ["parent@a", "upstream@b"]);
  world.exit("parent");
  world.now += 5;
  world.exit("upstream");
  world.submit({ name: "x", parents: ["parent"], upstream: ["upstream"], affinity: "preferred" });
  assert.deepEqual(world.place(), ["x@a"]);
});

test("a job that waits for its node does not hold up one that follows another, or none", () => {
  const world = new World();
  world.join("a", { cpus: 1 });
  world.join("b", { cpus: 2 });
  world.submit({ name: "p" }, { name: "q", asks: { cpuMillis: 2_000 } });
  assert.deepEqual(world.place(), ["p@a", "q@b"]);
  world.exit("p");
  world.exit("q");
  world.submit({ name: "busy" });
  assert.deepEqual(world.place(), ["busy@a"]);
  world.submit(
    { name: "waits", parents: ["p"], affinity: "preferred" },
    { name: "goes", parents: ["q"], affinity: "preferred" },
    { name: "free" },
  );
  assert.deepEqual(world.place(), ["goes@b", "free@b"]);
});

test("a job that an unfinished one follows is not forgotten, however many end after it", () => {
  const world = new World({ finishedMax: 1, checked: false });
  world.join("small", { cpus: 1 });
  world.submit({ name: "first" });
  world.place();
  world.join("large", { cpus: 8 });
  const after = { parents: ["first"], affinity: "required", delayMs: 1_000 } as const;
  world.submit({ name: "follower", ...after });
  world.exit("first");
  for (const name of ["x", "y", "z"]) {
    world.submit({ name });
    world.place();
    world.exit(name);
  }
  world.now += 1_000;
  world.tick();
  assert.deepEqual(world.place(), ["follower@small"]);
  world.exit("follower");
  world.submit({ name: "last" });
  world.place();
  world.exit("last");
  assert.equal(world.state.finished.size, 1, "memory is as small again as it should be");
});
