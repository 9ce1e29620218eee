import assert from "node:assert/strict";
import { test } from "node:test";
import { World } from "../testing/world.ts";

function cancel(world: World, ...jobIds: string[]) {
  return world.run({ type: "cancel", jobIds, cause: "cancelled" });
}

test("a waiting job is cancelled at once; what waits for it fails and says why", () => {
  const world = new World();
  world.submit({ name: "a" }, { name: "b", parents: ["a"] }, { name: "c", parents: ["b"] });
  cancel(world, "a");
  assert.equal(world.end("a"), "cancelled: cancelled");
  assert.equal(world.end("b"), "failed: parent-failed: a (a) was cancelled");
  assert.equal(world.end("c"), "failed: parent-failed: b (b) failed");
});

test("jobs that are cancelled together are all cancelled, whatever their order", () => {
  for (const order of [
    ["a", "b"],
    ["b", "a"],
    ["b", "a", "b"],
  ]) {
    const world = new World();
    world.submit({ name: "a" }, { name: "b", parents: ["a"] });
    cancel(world, ...order);
    assert.deepEqual([world.end("a"), world.end("b")], ["cancelled: cancelled", "cancelled: cancelled"]);
  }
});

test("a running job is told to stop, and ends cancelled when it has ended", () => {
  for (const end of ["cancelled", "signal", "timeout", "node-lost", 143] as const) {
    const world = new World();
    world.join("n");
    world.submit({ name: "a", retry: { max: 3, backoffMs: 0 }, graceMs: 7 });
    world.place();
    world.starts("a");
    cancel(world, "a");
    assert.deepEqual(world.effects, [
      { type: "stop", nodeId: "n", jobId: "a", number: 1, cause: "cancelled", graceMs: 7 },
    ]);
    assert.equal(world.reason("a"), "being cancelled on n");
    world.exit("a", end);
    assert.equal(world.end("a"), "cancelled: cancelled", `${end}`);
  }
});

test("a success that comes before the stop wins", () => {
  const world = new World();
  world.join("n");
  world.submit({ name: "a" }, { name: "b", parents: ["a"] });
  world.place();
  cancel(world, "a");
  world.exit("a", 0);
  assert.equal(world.end("a"), "succeeded");
  assert.deepEqual(world.place(), ["b@n"]);
});

test("a job whose log is still coming in is not told to stop, and not tried again", () => {
  const world = new World();
  world.join("n");
  world.submit({ name: "a", retry: { max: 1, backoffMs: 0 } });
  world.place();
  world.exit("a", 1, { stdout: 5, stderr: 0, titan: 0 });
  assert.deepEqual(cancel(world, "a").effects, []);
  world.run({ type: "log-whole", jobId: "a", number: 1 });
  assert.equal(world.end("a"), "cancelled: cancelled");
});

test("cancelling twice repeats the stop and keeps the first cause", () => {
  const world = new World();
  world.join("n");
  world.submit({ name: "a" });
  world.place();
  world.run({ type: "cancel", jobIds: ["a"], cause: "owner-gone" });
  const again = cancel(world, "a");
  assert.deepEqual(again.changes, []);
  assert.equal(again.effects[0]?.type === "stop" && again.effects[0].cause, "owner-gone");
  world.exit("a", "signal");
  assert.equal(world.end("a"), "cancelled: owner-gone");
});

test("a finished job stays as it is; one that does not exist is an error", () => {
  const world = new World();
  world.join("n");
  world.submit({ name: "a" });
  world.place();
  world.exit("a");
  assert.deepEqual(cancel(world, "a").changes, []);
  const decision = world.try({ type: "cancel", jobIds: ["nope"], cause: "cancelled" });
  assert.equal(decision.rejected?.code, "job-not-found");
});
