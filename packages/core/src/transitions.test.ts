import assert from "node:assert/strict";
import { test } from "node:test";
import { apply } from "./apply.ts";
import { World } from "./testing/world.ts";
import { assertStep, isFinished, NEXT_ATTEMPT, NEXT_JOB } from "./transitions.ts";

test("nothing follows an end, and every other state leads to one", () => {
  for (const table of [NEXT_JOB, NEXT_ATTEMPT] as Record<string, readonly string[]>[]) {
    for (const [from, next] of Object.entries(table)) {
      for (const to of next) assert.ok(to in table, `${from} → ${to}`);
    }
  }
  assert.deepEqual(
    Object.entries(NEXT_JOB).map(([state, next]) => [state, next.length === 0]),
    Object.keys(NEXT_JOB).map((state) => [state, isFinished(state as keyof typeof NEXT_JOB)]),
  );
});

test("memory refuses a step that the tables do not have", () => {
  assert.throws(
    () => assertStep(NEXT_JOB, "waiting", "succeeded", "job x"),
    /job x may not go from waiting to succ/,
  );
  const world = new World();
  world.join("n");
  world.submit({ name: "a" });
  const waiting = world.job("a");
  assert.throws(() => apply(world.state, [{ table: "jobs", row: { ...waiting, state: "succeeded" } }]));
  world.place();
  world.starts("a");
  const attempt = world.state.attempts.get("a")!;
  assert.throws(() => apply(world.state, [{ table: "attempts", row: { ...attempt, state: "starting" } }]));
});
