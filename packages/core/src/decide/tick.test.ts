import assert from "node:assert/strict";
import { test } from "node:test";
import { nextDeadline } from "../index.ts";
import { World } from "../testing/world.ts";

test("nothing waits for time in an empty state", () => {
  const world = new World();
  assert.equal(nextDeadline(world.state), null);
  assert.deepEqual(world.run({ type: "tick" }).changes, []);
});

test("a delayed job is placed when its time has come, and not before", () => {
  const world = new World();
  world.join("n");
  world.submit({ name: "late", delayMs: 500 }, { name: "soon", delayMs: 200 });
  assert.equal(nextDeadline(world.state), world.now + 200);
  assert.match(world.reason("late"), /^delayed until 1970-01-01T00:16:40Z$/);
  world.now += 200;
  world.tick();
  assert.deepEqual(world.place(), ["soon@n"]);
  assert.equal(nextDeadline(world.state), world.now + 300);
  world.now += 300;
  world.tick();
  assert.deepEqual(world.place(), ["late@n"]);
  assert.equal(nextDeadline(world.state), null);
});

test("a queue timeout ends a job that found no place, with the reason; a delay does not count", () => {
  const world = new World();
  world.join("n");
  world.submit(
    { name: "a", preset: "GPU", queueTimeoutMs: 3_000, delayMs: 1_000 },
    { name: "b", parents: ["a"] },
  );
  world.now += 1_000;
  world.tick();
  world.now += 2_999;
  world.tick();
  assert.equal(world.job("a").state, "waiting");
  assert.equal(nextDeadline(world.state), world.now + 1);
  world.now += 1;
  world.tick();
  assert.equal(
    world.end("a"),
    "failed: queue-timeout: found no place in 3 s: no connected node has 1 gpu; there is none at all",
  );
  assert.equal(world.end("b"), "failed: parent-failed: a (a) failed");
});

test("a queue timeout is over once the job is placed, and starts afresh with a retry", () => {
  const world = new World();
  world.join("n");
  world.submit({ name: "a", queueTimeoutMs: 1_000, retry: { max: 1, backoffMs: 0 } });
  world.place();
  assert.equal(nextDeadline(world.state), null);
  world.now += 5_000;
  world.exit("a", 1);
  assert.equal(nextDeadline(world.state), world.now + 1_000);
});
