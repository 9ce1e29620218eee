import assert from "node:assert/strict";
import { test } from "node:test";
import { World } from "../testing/world.ts";

const SOME = { stdout: 3, stderr: 0, titan: 0 };

function started(retryMax = 0): World {
  const world = new World();
  world.join("n", { gpus: 1 });
  world.submit(
    { name: "a", preset: "GPU", retry: { max: retryMax, backoffMs: 100 } },
    { name: "b", preset: "GPU" },
  );
  world.place();
  return world;
}

test("devices are free when the process is gone, the job is final when its log is whole", () => {
  const world = started();
  world.starts("a");
  assert.equal(world.job("a").startedAt, world.now);
  world.exit("a", 0, SOME);
  assert.equal(world.job("a").state, "running");
  assert.equal(world.reason("a"), "ended on n, the rest of its log is on its way");
  assert.deepEqual(world.place(), ["b@n"]);
  world.run({ type: "log-whole", jobId: "a", number: 1 });
  assert.equal(world.end("a"), "succeeded");
  assert.deepEqual(world.effects, [{ type: "forget", nodeId: "n", jobId: "a", number: 1 }]);
});

test("a job that printed nothing is final with its exit, in one attempt row and one job row", () => {
  const world = started();
  const decision = world.exit("a", 0);
  assert.deepEqual(
    decision.changes.map((change) => change.table),
    ["attempts", "jobs"],
  );
  assert.equal(world.end("a"), "succeeded");
});

test("the log being whole before the process has ended means nothing", () => {
  const world = started();
  assert.deepEqual(world.run({ type: "log-whole", jobId: "a", number: 1 }).changes, []);
});

test("a report may be repeated, and an earlier one may come late", () => {
  const world = started();
  const running = world.running("a");
  const exited = world.exited("a", 1, SOME);
  for (const report of [running, running, exited, exited, running]) {
    world.run({ type: "report", nodeId: "n", report });
  }
  assert.deepEqual(world.try({ type: "report", nodeId: "n", report: exited }).changes, []);
  assert.equal(world.state.attempts.get("a")?.state, "exited");
  world.run({ type: "log-whole", jobId: "a", number: 1 });
  const late = world.run({ type: "report", nodeId: "n", report: exited });
  assert.deepEqual(late.changes, []);
  assert.deepEqual(late.effects, [{ type: "forget", nodeId: "n", jobId: "a", number: 1 }]);
});

test("reports of an earlier attempt, another node or an unknown job are refused", () => {
  const world = started(1);
  world.join("other", { gpus: 1 });
  const first = world.exited("a", 0);
  world.exit("a", 1);
  world.now += 100;
  world.tick();
  world.place();
  const cases = [
    { nodeId: "n", report: first },
    { nodeId: world.job("a").nodeId === "n" ? "other" : "n", report: world.exited("a", 0) },
    { nodeId: "n", report: { ...first, jobId: "nope" } },
    { nodeId: "n", report: { ...first, number: 3 } },
  ];
  for (const { nodeId, report } of cases) {
    const decision = world.try({ type: "report", nodeId, report });
    assert.equal(decision.rejected?.code, "stale-attempt");
  }
  assert.equal(world.try({ type: "log-whole", jobId: "a", number: 1 }).rejected?.code, "stale-attempt");
  assert.equal(world.job("a").attempt, 2);
});

test("every bad end is tried again with a back-off that doubles, then is final", () => {
  for (const end of [1, "signal", "timeout", "launch-failed", "node-lost"] as const) {
    const world = started(2);
    for (const [number, backoff] of [
      [1, 100],
      [2, 200],
    ] as const) {
      world.exit("a", end);
      assert.equal(world.job("a").attempt, number);
      assert.equal(world.job("a").notBefore, world.now + backoff);
      assert.deepEqual([world.job("a").nodeId, world.job("a").devices], [null, []]);
      if (number === 1) world.run({ type: "cancel", jobIds: ["b"], cause: "cancelled" });
      assert.deepEqual(
        world.place().filter((line) => line.startsWith("a")),
        [],
      );
      world.now += backoff;
      world.tick();
      assert.deepEqual(world.place(), ["a@n"]);
    }
    world.exit("a", end);
    assert.match(world.end("a"), new RegExp(`^failed: ${typeof end === "number" ? "exit" : end}`));
  }
});

test("a retry keeps its place in the queue: it is older than what came after", () => {
  const world = new World();
  world.join("n", { cpus: 1 });
  world.submit({ name: "a", retry: { max: 1, backoffMs: 0 } }, { name: "b" }, { name: "c" });
  assert.deepEqual(world.place(), ["a@n"]);
  world.exit("a", 1);
  assert.deepEqual(world.place(), ["a@n"]);
  assert.match(
    world.effects[0]?.type === "start" ? world.effects[0].notes[0]! : "",
    /attempt 2 of 2.*exit code 1/,
  );
});

test("a back-off never grows beyond a day", () => {
  const world = new World();
  world.join("n");
  world.submit({ name: "a", retry: { max: 1_000, backoffMs: 86_400_000 } });
  world.place();
  world.exit("a", 1);
  world.now += 86_400_000;
  world.tick();
  world.place();
  world.exit("a", 1);
  assert.equal(world.job("a").notBefore, world.now + 86_400_000);
});
