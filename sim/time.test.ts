import assert from "node:assert/strict";
import { test } from "node:test";
import { ProcessClock, Time } from "./time.ts";

test("events come in the order of their times, then of asking, each after all that the one before has set off", async () => {
  const time = new Time();
  const seen: string[] = [];
  time.after(5, () => seen.push("late"));
  time.after(1, () => {
    seen.push("first");
    Promise.resolve().then(() =>
      process.nextTick(() => Promise.resolve().then(() => seen.push("its promises"))),
    );
  });
  time.after(1, () => seen.push("second"));
  time.after(0.5, () => seen.push(`rounded up to ${time.elapsed}`));
  await time.run(100, () => false);
  assert.deepEqual(seen, ["first", "its promises", "second", "rounded up to 1", "late"]);
});

test("with a process goes what it was going to do; a timer that is refreshed begins anew", async () => {
  const time = new Time();
  const [dead, alive] = [new ProcessClock(time), new ProcessClock(time)];
  const seen: string[] = [];
  dead.after(3, () => seen.push("dead"));
  const timer = alive.after(3, () => seen.push(`alive at ${time.elapsed}`));
  alive.after(1, () => seen.push("cancelled")).cancel();
  time.after(2, () => {
    dead.alive = false;
    timer.refresh();
  });
  await time.run(100, () => false);
  assert.deepEqual(seen, ["alive at 5"]);
});
