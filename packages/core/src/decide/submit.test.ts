import assert from "node:assert/strict";
import { test } from "node:test";
import { newJob, World } from "../testing/world.ts";

function rejected(world: World, jobs: Parameters<typeof newJob>[0][]) {
  const before = world.state.lastSeq;
  const decision = world.try({ type: "submit", jobs: jobs.map(newJob), known: [] });
  assert.ok(decision.rejected);
  assert.deepEqual([decision.changes, decision.effects, world.state.lastSeq], [[], [], before]);
  return decision.rejected;
}

test("a job without parents is ready at once, in order of submission", () => {
  const world = new World();
  world.submit({ name: "a" }, { name: "b" });
  assert.deepEqual([world.job("a").seq, world.job("b").seq], [1, 2]);
  assert.equal(world.job("a").readyAt, world.now);
  world.submit({ name: "c" });
  assert.equal(world.job("c").seq, 3);
});

test("a circle is refused whole and named in the direction of the work", () => {
  const cases: [Parameters<typeof newJob>[0][], string][] = [
    [
      [
        { name: "a", parents: ["b"] },
        { name: "b", parents: ["a"] },
      ],
      "a → b → a",
    ],
    [[{ name: "a", parents: ["a"] }], "a → a"],
    [
      [
        { name: "x" },
        { name: "a", parents: ["x", "c"] },
        { name: "b", parents: ["a"] },
        { name: "c", parents: ["b"] },
      ],
      "a → b → c → a",
    ],
  ];
  for (const [jobs, circle] of cases) {
    const rejection = rejected(new World(), jobs);
    assert.equal(rejection.code, "dependency-cycle");
    assert.ok(rejection.message.endsWith(`: ${circle}`), rejection.message);
    assert.match(rejection.field ?? "", /^jobs\[\d\]\.parents$/);
  }
});

test("a job below a circle is not part of it", () => {
  const rejection = rejected(new World(), [
    { name: "below", parents: ["a"] },
    { name: "a", parents: ["b"] },
    { name: "b", parents: ["a"] },
  ]);
  assert.ok(!rejection.message.includes("below"), rejection.message);
});

test("a parent that does not exist is named with its field", () => {
  const rejection = rejected(new World(), [{ name: "a" }, { name: "b", parents: ["a", "nope"] }]);
  assert.equal(rejection.code, "unknown-parent");
  assert.equal(rejection.field, "jobs[1].parents[1]");
  assert.match(rejection.message, /b waits for nope/);
});

test("the same name twice in a batch, and an id that exists, are refused", () => {
  const world = new World();
  assert.equal(rejected(world, [{ name: "a" }, { name: "a", id: "other" }]).field, "jobs[1].name");
  world.submit({ name: "a" });
  assert.equal(rejected(world, [{ name: "new", id: "a" }]).field, "jobs[0].id");
  world.submit({ name: "a", id: "other" });
});

test("parents that have finished count: succeeded ones as done, others end the child at once", () => {
  const world = new World();
  world.join("n");
  world.submit({ name: "good" }, { name: "bad" });
  world.place();
  world.exit("good");
  world.exit("bad", 1);
  world.submit(
    { name: "a", parents: ["good"] },
    { name: "b", parents: ["good", "bad"] },
    { name: "c", parents: ["b"] },
  );
  assert.equal(world.job("a").readyAt, world.now);
  assert.equal(world.end("b"), "failed: parent-failed: bad (bad) failed");
  assert.equal(world.end("c"), "failed: parent-failed: b (b) failed");
});

test("a parent that memory has forgotten is taken from the command", () => {
  const world = new World({ finishedMax: 1, checked: false });
  world.join("n");
  world.submit({ name: "good" }, { name: "bad" }, { name: "last" });
  world.place();
  world.exit("good");
  const good = world.finished("good");
  world.exit("bad", 1);
  const bad = world.finished("bad");
  world.exit("last");
  const jobs = [newJob({ name: "a", parents: ["good"] }), newJob({ name: "b", parents: ["bad"] })];
  assert.equal(world.try({ type: "submit", jobs, known: [] }).rejected?.code, "unknown-parent");
  const decision = world.run({ type: "submit", jobs, known: [good, bad] });
  assert.equal(world.job("a").readyAt, world.now);
  assert.deepEqual(
    decision.changes.map(({ row }) => "state" in row && row.state),
    ["waiting", "failed"],
  );
});

test("children wait for all their parents, named once or twice, listed before or after", () => {
  const world = new World();
  world.join("n");
  world.submit({ name: "c", parents: ["a", "b", "a"] }, { name: "a" }, { name: "b" });
  assert.deepEqual(world.place(), ["a@n", "b@n"]);
  world.exit("a");
  assert.deepEqual(world.place(), []);
  assert.equal(world.reason("c"), "waits for b");
  world.exit("b");
  assert.deepEqual(world.place(), ["c@n"]);
});

test("a delay counts from when the parents have succeeded", () => {
  const world = new World();
  world.join("n");
  world.submit({ name: "a" }, { name: "b", parents: ["a"], delayMs: 500 });
  world.place();
  world.now += 10_000;
  world.exit("a");
  assert.equal(world.job("b").notBefore, world.now + 500);
  assert.deepEqual(world.place(), []);
});
