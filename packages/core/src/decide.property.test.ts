import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decide } from "./decide.ts";
import type { Command, NewJob, Report } from "./decision.ts";
import { nextDeadline } from "./index.ts";
import type { Affinity, Cause } from "./model.ts";
import { dump } from "./testing/check-state.ts";
import { exitOf, newJob, newNode, World } from "./testing/world.ts";

const NODES = [
  newNode("plain", { cpus: 2, memoryGib: 8 }),
  newNode("gpu", {
    cpus: 3,
    memoryGib: 16,
    gpus: [
      { gib: 24, model: "L4" },
      { gib: 80, model: "A100" },
    ],
  }),
  newNode("fast", { cpus: 1, gpus: 1, labels: { fast: "true" } }),
];
const PRESETS = ["GENERAL", "GENERAL", "GPU", "HIGH_MEM", "fast", "nowhere"];
const ENDS: (number | Cause)[] = [0, 0, 0, 1, "signal", "timeout", "launch-failed"];

const sketch = fc.record({
  name: fc.nat(5),
  preset: fc.constantFrom(...PRESETS),
  cpus: fc.constantFrom(500, 1_000, 2_000),
  priority: fc.nat(2),
  relatives: fc.array(fc.nat(30), { maxLength: 2 }),
  waits: fc.boolean(),
  affinity: fc.constantFrom<Affinity>("none", "none", "preferred", "required"),
  run: fc.option(fc.constantFrom("r1", "r2")),
  retries: fc.nat(2),
  delayMs: fc.constantFrom(0, 0, 700),
  queueTimeoutMs: fc.constantFrom(null, null, 3_000),
});

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("submit" as const), jobs: fc.array(sketch, { maxLength: 4 }) }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("place" as const) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("report" as const),
      pick: fc.nat(50),
      state: fc.constantFrom("starting", "running", "exited", "exited"),
      end: fc.constantFrom(...ENDS),
      bytes: fc.nat(1),
      stale: fc.nat(9),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("log-whole" as const), pick: fc.nat(50) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("cancel" as const),
      picks: fc.array(fc.nat(50), { maxLength: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("tick" as const), ms: fc.constantFrom(1, 800, 11_000, 900_000) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("silent" as const), node: fc.nat(2) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("join" as const), node: fc.nat(2), knows: fc.nat(7) }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Turns a random step into a command that may well happen in this world; null where there is nothing to do it to. */
function commandOf(world: World, step: Step): Command | null {
  const { state } = world;
  const pick = <T>(items: readonly T[], at: number): T | undefined => items[at % items.length];
  switch (step.do) {
    case "submit":
      return { type: "submit", jobs: batchOf(world, step.jobs), known: [] };
    case "place":
      return { type: "place" };
    case "tick":
      world.now += step.ms;
      return { type: "tick" };
    case "silent":
      return { type: "node-silent", nodeId: NODES[step.node]!.id };
    case "cancel": {
      const ids = [...state.jobs.keys(), ...state.finished.keys()];
      return { type: "cancel", jobIds: step.picks.flatMap((at) => pick(ids, at) ?? []), cause: "cancelled" };
    }
    case "log-whole": {
      const attempt = pick([...state.attempts.values()], step.pick);
      return attempt ? { type: "log-whole", jobId: attempt.jobId, number: attempt.number } : null;
    }
    case "report": {
      const attempt = pick([...state.attempts.values()], step.pick);
      if (attempt === undefined) return null;
      const { jobId, number, nodeId } = attempt;
      const report = reportOf(world, jobId, step.stale === 0 ? number - 1 : number, step);
      return { type: "report", nodeId: step.stale === 1 ? "fast" : nodeId, report };
    }
    case "join": {
      const node = NODES[step.node]!;
      const mine = [...(state.use.get(node.id)?.attempts ?? [])];
      const known = mine.filter((_, index) => (step.knows >> (index % 3)) & 1);
      const attempts = known.map((id) => {
        const { number, state: at } = state.attempts.get(id)!;
        return reportOf(world, id, number, { state: at === "starting" ? "running" : at, end: 0, bytes: 1 });
      });
      return { type: "node-joined", node, attempts };
    }
  }
}

function reportOf(
  world: World,
  jobId: string,
  number: number,
  step: { state: string; end: number | Cause; bytes: number },
): Report {
  const at = world.now;
  const base = { jobId, number, startedAt: at, exitedAt: null, exit: null, logBytes: null };
  if (step.state !== "exited") return { ...base, state: step.state === "running" ? "running" : "starting" };
  const logBytes = { stdout: step.bytes, stderr: 0, titan: 0 };
  return { ...base, state: "exited", exitedAt: at, exit: exitOf(step.end), logBytes };
}

function batchOf(
  world: World,
  sketches: (typeof sketch extends fc.Arbitrary<infer T> ? T : never)[],
): NewJob[] {
  const first = world.state.lastSeq + 1;
  const existing = [...world.state.jobs.keys(), ...world.state.finished.keys()];
  return sketches.map((drawn, index) => {
    const ids = [
      ...existing,
      ...sketches.map((_, other) => `j${first + other}`).filter((_, other) => other !== index),
    ];
    const relatives = drawn.relatives.flatMap((at) => ids[at % Math.max(1, ids.length)] ?? []);
    return newJob({
      id: `j${first + index}`,
      name: `name${drawn.name}-${index}`,
      preset: drawn.preset,
      asks: { cpuMillis: drawn.cpus },
      priority: drawn.priority,
      affinity: drawn.affinity,
      runId: drawn.run,
      series: drawn.run === null ? null : "series",
      parents: drawn.waits ? relatives : [],
      upstream: drawn.waits ? [] : relatives,
      retry: { max: drawn.retries, backoffMs: 400 },
      delayMs: drawn.delayMs,
      queueTimeoutMs: drawn.queueTimeoutMs,
    });
  });
}

/** Started jobs are the first of their shape, in order. Shapes are compared as they were before the pass. */
function checkOrder(world: World, before: ReadonlyMap<string, readonly string[]>): void {
  const started = new Set(
    world.effects.flatMap((effect) => (effect.type === "start" ? [effect.job.id] : [])),
  );
  for (const [key, ids] of before) {
    const gone = ids.filter((id) => started.has(id) || world.state.finished.has(id));
    assert.deepEqual(gone, ids.slice(0, gone.length), `not first come first served in ${key}`);
  }
}

test("random histories keep every invariant, and decisions leave the state as it was", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 60, size: "max" }), (steps) => {
      const world = new World();
      for (const node of NODES) world.run({ type: "node-joined", node, attempts: [] });
      for (const next of steps) {
        const command = commandOf(world, next);
        if (command === null) continue;
        const before = new Map([...world.state.shapes].map(([key, shape]) => [key, shape.jobs.ids()]));
        const whole = dump(world.state);
        decide(world.state, command, world.now, world.settings);
        assert.deepEqual(dump(world.state), whole);
        world.try(command);
        if (command.type === "place") checkOrder(world, before);
        if (command.type === "tick") {
          const deadline = nextDeadline(world.state, world.settings);
          assert.ok(deadline === null || deadline > world.now, "a tick leaves nothing that is due");
        }
      }
    }),
    { numRuns: 150 },
  );
});

test("whatever happened, once nodes are there and behave, every job that can end does", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40, size: "max" }), (steps) => {
      const world = new World({ checked: false });
      for (const node of NODES) world.run({ type: "node-joined", node, attempts: [] });
      for (const next of steps) {
        const command = commandOf(world, next);
        if (command !== null) world.try(command);
      }
      for (const node of NODES) world.run({ type: "node-joined", node, attempts: [] });
      for (let round = 0; round < 400; round += 1) {
        world.place();
        for (const { jobId, state } of [...world.state.attempts.values()]) {
          if (state !== "exited") world.exit(jobId, 0);
          else world.run({ type: "log-whole", jobId, number: world.job(jobId).attempt });
        }
        const deadline = nextDeadline(world.state, world.settings);
        if (deadline !== null) world.now = Math.max(world.now, deadline);
        world.tick();
      }
      const impossible = (id: string): boolean => {
        const job = world.job(id);
        if (job.readyAt === null)
          return job.parents.some((parent) => world.state.jobs.has(parent) && impossible(parent));
        return !world.why(id).possible;
      };
      for (const id of world.state.jobs.keys()) assert.ok(impossible(id), `${id}: ${world.reason(id)}`);
    }),
    { numRuns: 40 },
  );
});
