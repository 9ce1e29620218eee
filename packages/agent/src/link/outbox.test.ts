import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Report } from "@titan/core";
import { decodeFrame, type FromNode } from "@titan/protocol/link";
import { backoffMs } from "./backoff.ts";
import { Outbox } from "./outbox.ts";

function setUp() {
  const frames: FromNode[][] = [];
  let flush = (): void => {};
  const outbox = new Outbox(
    (frame) => void frames.push(decodeFrame<FromNode>(frame)),
    (action) => {
      flush = action;
    },
  );
  return { outbox, frames, endOfTurn: () => flush() };
}

function report(jobId: string, state: Report["state"]): Report {
  return { jobId, number: 1, state, startedAt: 1, exitedAt: null, exit: null, logBytes: null };
}

function log(text: string | Buffer): FromNode & { t: "log" } {
  return { t: "log", jobId: "a", number: 1, stream: "stdout", offset: 0, at: 1, data: Buffer.from(text) };
}

describe("outbox", () => {
  it("sends one frame a turn, logs before reports, only the latest report of each attempt", () => {
    const { outbox, frames, endOfTurn } = setUp();
    outbox.opened();
    outbox.report(report("a", "running"));
    outbox.report(report("b", "running"));
    outbox.log(log("x"));
    outbox.report(report("a", "exited"));
    endOfTurn();
    const said = frames.map((frame) =>
      frame.map((m) => (m.t === "report" ? `${m.report.jobId} ${m.report.state}` : m.t)),
    );
    assert.deepEqual(said, [["log", "a exited", "b running"]]);
  });

  it("keeps reports while the link is down, and forgets them when hello says it all", () => {
    const { outbox, frames, endOfTurn } = setUp();
    outbox.report(report("a", "running"));
    endOfTurn();
    assert.equal(frames.length, 0);
    outbox.clear();
    outbox.report(report("b", "running"));
    outbox.opened();
    endOfTurn();
    assert.deepEqual(
      frames.flat().map((m) => m.t === "report" && m.report.jobId),
      ["b"],
    );
  });

  it("takes the bytes of a log before it returns, small ones and large ones, in order", () => {
    const { outbox, frames, endOfTurn } = setUp();
    outbox.opened();
    const small = log("small");
    const large = log(Buffer.alloc(100_000, 1));
    outbox.log(small);
    small.data.fill(0);
    outbox.log(large);
    large.data.fill(0);
    endOfTurn();
    const [first, second] = frames.flat() as (FromNode & { t: "log" })[];
    assert.equal(Buffer.from(first?.data ?? []).toString(), "small");
    assert.ok(second?.data.every((byte) => byte === 1));
  });
});

describe("back-off", () => {
  it("doubles from 50 ms to 2 s, and jitter only shortens it", () => {
    assert.deepEqual(
      [0, 1, 2, 5, 6, 1000].map((n) => backoffMs(n, 1)),
      [50, 100, 200, 1600, 2000, 2000],
    );
    assert.equal(backoffMs(1, 0), 50);
  });
});
