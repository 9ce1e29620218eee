import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { StartOrder } from "@titan/protocol/link";
import { type AttemptEvent, type AttemptState, begin, type Instruction, reportOf, step } from "./state.ts";

const PAYLOAD = { command: ["x"], script: null, args: [], env: {}, python: null, files: [] };
const ORDER: StartOrder = {
  ...{
    jobId: "a",
    number: 2,
    name: "a",
    runId: null,
    devices: [],
    timeoutMs: null,
    graceMs: 500,
    lostAfterMs: 900_000,
    notes: [],
  },
  payload: PAYLOAD,
};
const ENDED = {
  type: "ended",
  at: 90,
  code: 0,
  signal: null,
  maxRssBytes: 7,
  cpuMs: 3,
  stdoutBytes: 5,
  stderrBytes: 1,
} as const;

/** Runs the events through, and answers the last state with all instructions. */
function play(order: Partial<StartOrder>, ...events: AttemptEvent[]): [AttemptState, Instruction[]] {
  let [state, list] = begin({ ...ORDER, ...order });
  const all = [...list];
  for (const event of events) {
    [state, list] = step(state, event);
    all.push(...list);
  }
  return [state, all];
}

const prepared = { type: "prepared" } as const;
const started = { type: "started", at: 10 } as const;
const stop = { type: "stop", at: 40, cause: "cancelled", graceMs: 100 } as const;

describe("an attempt", () => {
  it("runs to its own end", () => {
    const [state, all] = play({ notes: ["été"] }, prepared, started, ENDED);
    assert.deepEqual(
      all.map((each) => each.type),
      ["note", "launch", "report", "report"],
    );
    const exit = { cause: "exit", code: 0, signal: null, message: "", maxRssBytes: 7, cpuMs: 3 };
    const logBytes = { stdout: 5, stderr: 1, titan: 6 };
    assert.deepEqual(reportOf(state), {
      jobId: "a",
      number: 2,
      state: "exited",
      startedAt: 10,
      exitedAt: 90,
      exit,
      logBytes,
    });
  });

  it("counts as starting until it has started", () => {
    assert.equal(reportOf(play({})[0]).state, "starting");
    assert.equal(reportOf(play({}, prepared)[0]).state, "starting");
    assert.equal(reportOf(play({}, prepared, started)[0]).state, "running");
  });

  it("tells a death by signal from an exit", () => {
    const [state] = play({}, prepared, started, { ...ENDED, code: null, signal: "SIGSEGV" });
    assert.deepEqual([state.exit?.cause, state.exit?.signal], ["signal", "SIGSEGV"]);
  });

  it("is ended by its timeout, with its own grace, and says so in its log", () => {
    const timedOut = { type: "timed-out", at: 30 } as const;
    const [state, all] = play({ timeoutMs: 10_000 }, prepared, started, timedOut, ENDED);
    assert.deepEqual(
      all.filter((each) => each.type !== "report"),
      [
        { type: "launch" },
        { type: "arm-timeout", ms: 10_000 },
        { type: "note", line: "killed after its timeout of 10 s" },
        { type: "kill", graceMs: 500 },
      ],
    );
    assert.deepEqual([state.exit?.cause, state.exit?.code], ["timeout", 0]);
  });

  it("is never started when it is stopped before", () => {
    const [state, all] = play({}, stop, prepared, started);
    assert.ok(!all.some((each) => each.type === "launch" || each.type === "kill"));
    assert.deepEqual([state.phase, state.exit?.cause, state.startedAt], ["exited", "cancelled", null]);
  });

  it("is killed when it is stopped while it starts, and keeps the first reason", () => {
    const again = { ...stop, cause: "owner-gone", graceMs: 0 } as const;
    const [state, all] = play({}, prepared, stop, started, again, { type: "timed-out", at: 60 }, ENDED);
    const kills = all.filter((each) => each.type === "kill");
    assert.deepEqual(
      kills.map((each) => each.graceMs),
      [100, 0],
    );
    assert.equal(state.exit?.cause, "cancelled");
    assert.equal(all.filter((each) => each.type === "note").length, 1);
  });

  it("says why it could not be started", () => {
    const [state] = play({}, { type: "failed", at: 5, message: "no such program: x" });
    assert.deepEqual([state.exit?.cause, state.exit?.message], ["launch-failed", "no such program: x"]);
    assert.equal(state.logBytes?.titan, "not started: no such program: x\n".length);
  });

  it("is lost with the launcher, unless it was being ended anyway", () => {
    const gone = { type: "launcher-gone", at: 50, stdoutBytes: 3, stderrBytes: 0 } as const;
    assert.equal(play({}, prepared, started, gone)[0].exit?.cause, "node-lost");
    assert.equal(play({}, prepared, started, stop, gone)[0].exit?.cause, "cancelled");
    assert.equal(play({}, prepared, started, gone)[0].logBytes?.stdout, 3);
  });

  it("changes no more once it has exited", () => {
    const [state] = play({}, prepared, started, ENDED);
    for (const event of [prepared, started, stop, { ...ENDED, code: 9 }] as const) {
      assert.deepEqual(step(state, event), [state, []]);
    }
  });
});
