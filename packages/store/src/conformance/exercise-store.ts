/** The tests that every store has to pass, whatever it is made of. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { FinishedJob, Job } from "@titan/core";
import type { Store } from "../store.ts";
import { attempt, batch, EXIT, ended, follow, fullJob, job, node } from "./rows.ts";

/** An empty place for a store: `open` opens what lies there, after a `close` again, and `dispose` takes it away. */
export interface StorePlace {
  open(): Promise<Store>;
  dispose(): Promise<void>;
}

type Test = (store: Store, reopen: () => Promise<Store>) => Promise<void>;

/** Declares the suite. `place` makes a new empty place for each test. */
export function exerciseStore(name: string, place: () => Promise<StorePlace>): void {
  const check = (what: string, test: Test) =>
    it(what, async () => {
      const here = await place();
      let store = await here.open();
      const reopen = async () => {
        await store.close();
        store = await here.open();
        return store;
      };
      try {
        await test(store, reopen);
      } finally {
        await store.close();
        await here.dispose();
      }
    });
  describe(`store: ${name}`, () => {
    describe("rows", () => exerciseRows(check));
    describe("batches", () => exerciseBatches(check));
    describe("queries", () => exerciseQueries(check));
    describe("load", () => exerciseLoad(check));
  });
}

type Check = (what: string, test: Test) => void;

function exerciseRows(check: Check): void {
  check("reads back what was written, after a restart too", async (store, reopen) => {
    const rows = [
      job("aaa", 1),
      fullJob("bbb", 2),
      ended(fullJob("ccc", 3), "failed", 1_700_000_000_005.5, null),
    ];
    const attempts = [
      attempt("bbb", 1, {
        state: "ended",
        startedAt: 5.5,
        exitedAt: 6,
        endedAt: 7,
        exit: EXIT,
        logBytes: { stdout: 2 ** 40, stderr: 0, titan: 3 },
      }),
      attempt("bbb", 2, { devices: [0, 3], state: "running", startedAt: 8 }),
    ];
    await store.commit(batch({ jobs: rows, attempts }));
    const compare = async (from: Store) => {
      for (const row of rows) assert.deepEqual(await from.job(row.id), row);
      assert.deepEqual(await from.attempts("bbb"), attempts);
      assert.deepEqual(await from.attempts("aaa"), []);
      assert.equal(await from.job("zzz"), null);
    };
    await compare(store);
    await compare(await reopen());
  });

  check("an update changes all that may change", async (store) => {
    await store.commit(
      batch({
        jobs: [job("aaa", 1, { runId: "r" })],
        attempts: [],
        payloads: [{ jobId: "aaa", payload: "{}" }],
      }),
    );
    const ready = job("aaa", 1, { runId: "r", readyAt: 5 });
    await store.commit(batch({ jobs: [ready] }));
    assert.deepEqual(await store.job("aaa"), ready);
    const { id, seq, name, runId, ...changed } = { ...ready, ...mutable(fullJob("x", 1)) };
    const running: Job = { id, seq, name, runId, ...changed };
    await store.commit(batch({ jobs: [running], attempts: [attempt("aaa", 2)] }));
    assert.deepEqual(await store.job("aaa"), running);
    const last = attempt("aaa", 2, {
      nodeId: "n2",
      devices: [1],
      state: "ended",
      placedAt: 3,
      startedAt: 4,
      exitedAt: 5,
      endedAt: 6,
      exit: EXIT,
      logBytes: { stdout: 1, stderr: 2, titan: 3 },
    });
    await store.commit(batch({ jobs: [ended(running, "cancelled", 9, "n2")], attempts: [last] }));
    assert.deepEqual(await store.job("aaa"), ended(running, "cancelled", 9, "n2"));
    assert.deepEqual(await store.attempts("aaa"), [last]);
    assert.deepEqual([...(await store.payloads(["aaa"]))], [["aaa", "{}"]]);
  });

  check("keeps payloads, submissions and uploads", async (store, reopen) => {
    const submission = { key: "k", bodySha256: "f".repeat(64), answer: '{"run":null}', at: 1.5 };
    const payloads = [
      { jobId: "aaa", payload: '{"ü":"\\u0000"}' },
      { jobId: "bbb", payload: "x".repeat(3_000_000) },
    ];
    await store.commit(batch({ jobs: [job("aaa", 1), job("bbb", 2)], payloads, submissions: [submission] }));
    await store.putUpload("up", "[1]", 1);
    await store.putUpload("up", "[2]", 2);
    const again = await reopen();
    assert.deepEqual(
      await again.payloads(["bbb", "nope", "aaa"]),
      new Map(payloads.reverse().map((p) => [p.jobId, p.payload])),
    );
    assert.deepEqual(await again.submission("k"), submission);
    assert.equal(await again.submission("other"), null);
    assert.equal(await again.upload("up"), "[2]");
    assert.equal(await again.upload("other"), null);
  });
}

function mutable(from: Job): Partial<Job> {
  const { state, attempt: number, readyAt, notBefore, nodeId, devices, startedAt, cancel, note } = from;
  return { state, attempt: number, readyAt, notBefore, nodeId, devices, startedAt, cancel, note };
}

function exerciseBatches(check: Check): void {
  check("the last of several changes of a row counts", async (store) => {
    const first = job("aaa", 1);
    const changes = [
      { table: "jobs", row: first },
      { table: "attempts", row: attempt("aaa", 1) },
      { table: "jobs", row: { ...first, state: "running", attempt: 1 } },
      { table: "nodes", row: node("n", { connected: false, silentAt: 4 }) },
      { table: "attempts", row: attempt("aaa", 1, { state: "running", startedAt: 3 }) },
      { table: "attempts", row: attempt("aaa", 2) },
      { table: "nodes", row: node("n") },
    ] as const;
    await store.commit({ changes, payloads: [], submissions: [] });
    assert.deepEqual(await store.job("aaa"), { ...first, state: "running", attempt: 1 });
    assert.deepEqual(await store.attempts("aaa"), [
      attempt("aaa", 1, { state: "running", startedAt: 3 }),
      attempt("aaa", 2),
    ]);
    assert.deepEqual((await store.load(0)).nodes, [node("n")]);
  });

  check("a batch that fails leaves nothing behind, and the next one works", async (store) => {
    await store.commit(batch({ jobs: [job("aaa", 1)] }));
    const twice = batch({
      jobs: [job("bbb", 2), job("aaa", 3)],
      submissions: [{ key: "k", bodySha256: "", answer: "", at: 0 }],
    });
    await assert.rejects(store.commit(twice), "an id cannot be given twice");
    await assert.rejects(store.commit(batch({ jobs: [job("ccc", 4)], attempts: [attempt("nobody", 1)] })));
    await assert.rejects(
      store.commit(batch({ jobs: [job("ccc", 4)], payloads: [{ jobId: "nobody", payload: "" }] })),
    );
    assert.deepEqual(await store.jobIds("", 9), ["aaa"]);
    assert.equal(await store.submission("k"), null);
    await store.commit(batch({ jobs: [job("bbb", 2)] }));
    assert.deepEqual(await store.jobIds("", 9), ["aaa", "bbb"]);
  });
}

function exerciseQueries(check: Check): void {
  check("lists newest first, by every filter, page by page", async (store) => {
    const rows = Array.from({ length: 30 }, (_, at) => {
      const row = job(`id${at}`, at + 1, { name: `n${at % 3}`, runId: at % 2 === 0 ? "even" : null });
      return at % 5 === 0 ? ended(row, "failed", at, null) : row;
    });
    await store.commit(batch({ jobs: rows }));
    const newest = rows.toReversed();
    const ids = async (filter: Parameters<Store["jobs"]>[0]) =>
      (await store.jobs(filter)).map(({ id }) => id);
    const expected = (keep: (row: Job) => boolean) => newest.filter(keep).map(({ id }) => id);
    assert.deepEqual(await store.jobs({ limit: 100 }), newest);
    assert.deepEqual(await ids({ limit: 4 }), expected(() => true).slice(0, 4));
    assert.deepEqual(await ids({ limit: 4, belowSeq: 27 }), expected((row) => row.seq < 27).slice(0, 4));
    assert.deepEqual(
      await ids({ limit: 99, states: ["failed"] }),
      expected((row) => row.state === "failed"),
    );
    assert.deepEqual(
      await ids({ limit: 99, states: ["failed", "waiting"] }),
      expected(() => true),
    );
    assert.deepEqual(await ids({ limit: 99, states: [] }), []);
    assert.deepEqual(
      await ids({ limit: 99, runId: "even" }),
      expected((row) => row.runId === "even"),
    );
    const all = { limit: 99, runId: "even", name: "n1", states: ["waiting"], belowSeq: 20 } as const;
    assert.deepEqual(
      await ids(all),
      expected((row) => row.runId === "even" && row.name === "n1" && row.state === "waiting" && row.seq < 20),
    );
  });

  check("finds ids by their beginning", async (store) => {
    const ids = ["ab", "ab%", "ab_1", "abz9", "aC", "b"];
    await store.commit(batch({ jobs: ids.map((id, at) => job(id, at + 1)) }));
    assert.deepEqual((await store.jobIds("ab", 9)).sort(), ["ab", "ab%", "ab_1", "abz9"]);
    assert.deepEqual(await store.jobIds("ab%", 9), ["ab%"]);
    assert.deepEqual(await store.jobIds("ab_", 9), ["ab_1"]);
    assert.deepEqual(await store.jobIds("ac", 9), []);
    assert.equal((await store.jobIds("ab", 2)).length, 2);
  });

  check("counts states, of everything and of a run, as they change", async (store) => {
    assert.deepEqual(await store.counts(), {});
    const rows = [
      job("a", 1, { runId: "r" }),
      job("b", 2, { runId: "r" }),
      job("c", 3),
      ended(job("d", 4, { runId: "r" }), "succeeded", 1, null),
    ];
    await store.commit(batch({ jobs: rows }));
    await store.commit(batch({ jobs: [ended(rows[0]!, "failed", 2, "n")] }));
    assert.deepEqual(await store.counts(), { waiting: 2, failed: 1, succeeded: 1 });
    assert.deepEqual(await store.runCounts("r"), { waiting: 1, failed: 1, succeeded: 1 });
    assert.deepEqual(await store.runCounts("other"), {});
  });

  check("knows which job of a run finished last on a node", async (store) => {
    assert.equal(await store.lastFinished("r"), null);
    const a = ended(job("a", 1, { runId: "r" }), "succeeded", 50, "n1");
    const b = ended(job("b", 2, { runId: "r" }), "failed", 50, "n2");
    const nowhere = ended(job("c", 3, { runId: "r" }), "cancelled", 70, null);
    const elsewhere = ended(job("d", 4, { runId: "other" }), "succeeded", 90, "n1");
    await store.commit(batch({ jobs: [b, a, nowhere, elsewhere, job("e", 5, { runId: "r" })] }));
    assert.deepEqual(await store.lastFinished("r"), finishedPart(b));
  });
}

function exerciseLoad(check: Check): void {
  check("an empty store loads as nothing", async (store) => {
    assert.deepEqual(await store.load(10), {
      jobs: [],
      attempts: [],
      nodes: [],
      follows: [],
      finished: [],
      lastSeq: 0,
    });
  });

  check("loads what is unfinished, and the newest that is finished", async (store, reopen) => {
    const waiting = job("w", 9);
    const running = fullJob("r", 2);
    const done = [3, 4, 5].map((seq) => ended(job(`d${seq}`, seq), "succeeded", 100 - seq, "n"));
    const live = attempt("r", 2, { state: "exited", exitedAt: 3, exit: EXIT });
    const attempts = [
      attempt("r", 1, { state: "ended", endedAt: 2 }),
      live,
      attempt("d3", 1, { state: "ended", endedAt: 2 }),
    ];
    const follows = [follow("a", "b"), follow("a", "c", 1)];
    await store.commit(
      batch({
        jobs: [waiting, running, ...done],
        attempts,
        follows,
        nodes: [node("n1"), node("n2", { admission: "cordoned" })],
      }),
    );
    await store.commit(batch({ follows: [follow("a", "b", 2)] }));
    const found = await (await reopen()).load(2);
    assert.deepEqual(
      new Map(found.jobs.map((row) => [row.id, row])),
      new Map([
        ["w", waiting],
        ["r", running],
      ]),
    );
    assert.deepEqual(found.attempts, [live]);
    assert.deepEqual(new Set(found.finished.map(({ id }) => id)), new Set(["d3", "d4"]));
    assert.deepEqual(
      found.finished.find(({ id }) => id === "d3"),
      finishedPart(done[0]!),
    );
    assert.deepEqual(
      new Map(found.follows.map((row) => [row.follower, row])),
      new Map([
        ["b", follow("a", "b", 2)],
        ["c", follow("a", "c", 1)],
      ]),
    );
    assert.deepEqual(
      new Map(found.nodes.map((row) => [row.id, row])),
      new Map([
        ["n1", node("n1")],
        ["n2", node("n2", { admission: "cordoned" })],
      ]),
    );
    assert.equal(found.lastSeq, 9);
  });
}

function finishedPart(row: Job): FinishedJob {
  const { id, seq, name, runId, state, nodeId, finishedAt, exit } = row;
  return { id, seq, name, runId, state, nodeId, finishedAt, exit };
}
