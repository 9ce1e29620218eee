import assert from "node:assert/strict";
import { test } from "node:test";
import { nextDeadline } from "../index.ts";
import { World } from "../testing/world.ts";

function running(retryMax = 0): World {
  const world = new World();
  world.join("n");
  world.submit({ name: "a", retry: { max: retryMax, backoffMs: 0 } });
  world.place();
  world.starts("a");
  return world;
}

test("a silent node takes nothing new and keeps what it has", () => {
  const world = running();
  world.run({ type: "node-silent", nodeId: "n" });
  world.submit({ name: "b" });
  assert.deepEqual(world.place(), []);
  assert.equal(world.job("a").state, "running");
  world.now += 2_000;
  assert.equal(world.reason("a"), "running on n, which has been silent for 2 s");
  assert.equal(world.reason("b"), "no node is connected that takes jobs");
  assert.deepEqual(world.run({ type: "node-silent", nodeId: "n" }).changes, []);
  assert.deepEqual(world.run({ type: "node-silent", nodeId: "nobody" }).changes, []);
});

test("what Titan may run again is lost after the lease, the rest much later", () => {
  for (const [retryMax, wait] of [
    // A tenth more for drift, and a second for what was on its way and for the end of the job.
    [1, 12_000],
    [0, 991_000],
  ] as const) {
    const world = running(retryMax);
    assert.equal(nextDeadline(world.state, world.settings), null);
    world.run({ type: "node-silent", nodeId: "n" });
    assert.equal(nextDeadline(world.state, world.settings), world.now + wait);
    world.now += wait - 1;
    world.tick();
    assert.equal(world.job("a").state, "running");
    world.now += 1;
    world.tick();
    if (retryMax === 1) assert.equal(world.job("a").state, "waiting");
    else assert.equal(world.end("a"), "failed: node-lost: its node n has been silent for 17 min");
  }
});

test("a job whose process had ended keeps its result when the node is lost before its log was whole", () => {
  const world = running();
  world.exit("a", 0, { stdout: 9, stderr: 0, titan: 0 });
  world.run({ type: "node-silent", nodeId: "n" });
  world.now = nextDeadline(world.state, world.settings) ?? 0;
  world.tick();
  assert.equal(world.end("a"), "succeeded");
});

test("a node that comes back with its attempts goes on", () => {
  const world = running(1);
  world.run({ type: "node-silent", nodeId: "n" });
  world.now += 5_000;
  world.join("n", {}, [world.running("a")]);
  assert.deepEqual(world.effects, []);
  assert.equal(nextDeadline(world.state, world.settings), null);
  world.exit("a");
  assert.equal(world.end("a"), "succeeded");
});

test("what ended while the node was away is taken from what it says when it is back", () => {
  const world = running();
  world.run({ type: "node-silent", nodeId: "n" });
  world.join("n", {}, [world.exited("a", 3)]);
  assert.equal(world.end("a"), "failed: exit");
  assert.deepEqual(world.effects, [{ type: "forget", nodeId: "n", jobId: "a", number: 1 }]);
});

test("a node that no longer has a running attempt has lost it", () => {
  for (const [bootId, line] of [
    ["boot", "no longer has it"],
    ["another", "was restarted"],
  ] as const) {
    const world = running();
    world.join("n", { bootId });
    assert.equal(world.end("a"), `failed: node-lost: its node n ${line}`);
  }
});

test("an attempt that never reached its node is sent again, with its notes", () => {
  const world = new World();
  world.join("n");
  world.submit({ name: "a" });
  world.place();
  const [first] = world.effects;
  world.join("n");
  assert.deepEqual(world.effects, [first]);
});

test("a cancel that the node has missed is repeated, or done if the attempt never began", () => {
  const cancel = { type: "cancel", jobIds: ["a"], cause: "cancelled" } as const;
  const known = running();
  known.run({ type: "node-silent", nodeId: "n" });
  known.run(cancel);
  known.join("n", {}, [known.running("a")]);
  assert.deepEqual(
    known.effects.map((effect) => effect.type),
    ["stop"],
  );

  const unknown = new World();
  unknown.join("n");
  unknown.submit({ name: "a" });
  unknown.place();
  unknown.run(cancel);
  unknown.join("n");
  assert.equal(unknown.end("a"), "cancelled: cancelled: cancelled before it was started");
});

test("what has ended by itself meanwhile is not told to stop", () => {
  const world = running();
  world.run({ type: "node-silent", nodeId: "n" });
  world.run({ type: "cancel", jobIds: ["a"], cause: "cancelled" });
  world.join("n", {}, [world.exited("a", 0, { stdout: 9, stderr: 0, titan: 0 })]);
  assert.deepEqual(world.effects, []);
  assert.equal(world.state.attempts.get("a")?.state, "exited");
});

test("an exited attempt whose log the node has thrown away ends as it exited", () => {
  const world = running();
  world.exit("a", 0, { stdout: 9, stderr: 0, titan: 0 });
  world.join("n");
  assert.equal(world.end("a"), "succeeded");
});

test("a node keeps when it first joined and whether it is cordoned", () => {
  const world = running();
  const joinedAt = world.now;
  world.now += 50;
  world.join("n", { cpus: 8 }, [world.running("a")]);
  assert.equal(world.state.nodes.get("n")?.joinedAt, joinedAt);
  assert.equal(world.state.nodes.get("n")?.capacity.cpuMillis, 8_000);
});

test("a master that has just loaded its memory gives every node its whole time again", () => {
  const world = running();
  world.run({ type: "node-silent", nodeId: "n" });
  world.join("idle");
  world.run({ type: "node-silent", nodeId: "idle" });
  const { lostAfterMs } = world.settings;
  // The master was away for longer than that, and could have heard of nobody.
  world.now += 2 * lostAfterMs;
  const { changes } = world.run({ type: "loaded" });
  assert.deepEqual(changes.length, 1, "a node that runs nothing is silent as it was");
  world.tick();
  assert.equal(world.job("a").state, "running");
  world.now += lostAfterMs;
  assert.ok((nextDeadline(world.state, world.settings) ?? 0) > world.now);
  world.now = nextDeadline(world.state, world.settings) ?? 0;
  world.tick();
  assert.equal(world.state.attempts.has("a"), false);
});
