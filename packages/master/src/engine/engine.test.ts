import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import type { Effect, Job } from "@titan/core";
import { TitanError } from "@titan/protocol";
import type { Store } from "@titan/store";
import { EXIT_0, exited, newJob, newNode, openEngine, payloadsOf, submit } from "./testing.ts";

async function withFolder(test: (path: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "titan-engine-"));
  try {
    await test(join(folder, "titan.db"));
  } finally {
    await rm(folder, { recursive: true });
  }
}

const report = (nodeId: string, jobId: string, number = 1, exit = EXIT_0) =>
  ({ type: "report", nodeId, report: exited(jobId, number, exit) }) as const;
const joined = (node = newNode("n")) => ({ type: "node-joined", node, attempts: [] }) as const;
const isCode = (code: string) => (error: unknown) => error instanceof TitanError && error.code === code;

it("answers, sends and tells only what the store has", () =>
  withFolder(async (path) => {
    const heard: string[] = [];
    const { engine, close } = await openEngine(path, {}, (store) => ({
      ...bound(store),
      async commit(batch) {
        await store.commit(batch);
        await new Promise((resolve) => setTimeout(resolve, 5));
        heard.push(`committed ${batch.changes.map(({ table }) => table).join(" ")}`);
      },
    }));
    engine.setEffectSink((effect) => heard.push(effect.type));
    engine.onCommitted((jobs) => heard.push(`told ${jobs.map(({ id, state }) => `${id} ${state}`).join()}`));
    const both = [engine.execute(joined()), engine.execute(submit(newJob("a")))];
    assert.equal(heard.length, 0);
    await Promise.all(both);
    heard.push("answered");
    assert.deepEqual(heard, ["committed nodes jobs jobs attempts", "start", "told a running", "answered"]);
    await close();
  }));

it("rejects what the core rejects, and changes nothing", () =>
  withFolder(async (path) => {
    const { engine, store, close } = await openEngine(path);
    await assert.rejects(engine.execute(submit(newJob("a", { parents: ["nobody"] }))), (error) => {
      assert.ok(error instanceof TitanError);
      assert.deepEqual([error.code, error.field], ["unknown-parent", "jobs[0].parents[0]"]);
      return true;
    });
    assert.deepEqual(await store.jobs({ limit: 1 }), []);
    assert.equal(engine.offer(report("n", "a"))?.code, "stale-attempt");
    await close();
  }));

it("204 jobs survive a restart as they were, and each runs on or starts", () =>
  withFolder(async (path) => {
    const first = await openEngine(path);
    const starts: string[] = [];
    const note = (effect: Effect) => effect.type === "start" && starts.push(effect.job.id);
    first.engine.setEffectSink(note);
    const jobs = Array.from({ length: 204 }, (_, at) =>
      newJob(`j${at}`, { runId: "r", parents: at >= 200 ? [`j${at - 200}`] : [] }),
    );
    await first.engine.execute(joined());
    await first.engine.execute(submit(...jobs), { payloads: payloadsOf(jobs) });
    assert.deepEqual(starts, ["j0", "j1", "j2", "j3"]);
    const before = first.engine.state;
    await first.close();

    const { engine, close } = await openEngine(path);
    assert.deepEqual([...engine.state.jobs], [...before.jobs]);
    assert.deepEqual(engine.state.attempts, before.attempts);
    assert.deepEqual(engine.state.pending, before.pending);
    assert.deepEqual([...engine.state.queued.keys()], [...before.queued.keys()]);
    assert.equal(engine.state.lastSeq, 204);
    assert.equal(engine.state.nodes.get("n")?.connected, false, "a node counts as silent until it is back");
    const ended: string[] = [];
    engine.setEffectSink((effect) => effect.type === "start" && engine.offer(report("n", effect.job.id)));
    engine.onCommitted((now) =>
      ended.push(...now.filter(({ finishedAt }) => finishedAt !== null).map(({ id }) => id)),
    );
    await engine.execute(joined());
    const counts = await engine.waitForRun("r", 20_000);
    assert.deepEqual(counts, { waiting: 0, running: 0, succeeded: 204, failed: 0, cancelled: 0 });
    assert.equal(new Set(ended).size, 204);
    assert.equal(ended.length, 204);
    for (let at = 200; at < 204; at++) assert.ok(ended.indexOf(`j${at}`) > ended.indexOf(`j${at - 200}`));
    await close();
  }));

it("wakes those who wait for a job or a run when it ends, and only then", () =>
  withFolder(async (path) => {
    const { engine, close } = await openEngine(path);
    assert.equal(await engine.waitForJob("a", 60_000), null);
    await engine.execute(joined());
    const jobs = [newJob("a", { runId: "r" }), newJob("b", { runId: "r" })];
    await engine.execute(submit(...jobs));
    assert.equal((await engine.waitForJob("a", 5))?.state, "running");
    assert.equal((await engine.waitForRun("r", 5)).running, 2);
    const [one, two, run] = [
      engine.waitForJob("a", 60_000),
      engine.waitForJob("a", 60_000),
      engine.waitForRun("r", 60_000),
    ];
    const gone = new AbortController();
    const aborted = engine.waitForJob("b", 60_000, gone.signal);
    gone.abort();
    assert.equal((await aborted)?.state, "running");
    await engine.execute(report("n", "a"));
    assert.equal((await one)?.state, "succeeded");
    assert.deepEqual(await one, await two);
    assert.deepEqual(await engine.waitForRun("r", 0), {
      waiting: 0,
      running: 1,
      succeeded: 1,
      failed: 0,
      cancelled: 0,
    });
    await engine.execute(report("n", "b", 1, { ...EXIT_0, code: 3 }));
    assert.deepEqual(await run, { waiting: 0, running: 0, succeeded: 1, failed: 1, cancelled: 0 });
    assert.equal((await engine.waitForJob("b", 60_000))?.state, "failed");
    assert.deepEqual(await engine.waitForRun("r", 60_000), await run);
    // The same run goes on: what ended before counts as well.
    await engine.execute(submit(newJob("c", { runId: "r" })));
    assert.deepEqual(await engine.waitForRun("r", 0), {
      waiting: 0,
      running: 1,
      succeeded: 1,
      failed: 1,
      cancelled: 0,
    });
    await close();
  }));

it("does by itself what time brings about", () =>
  withFolder(async (path) => {
    const { engine, close } = await openEngine(path, { leaseMs: 20 });
    await engine.execute(
      submit(newJob("late", { queueTimeoutMs: 30, requirement: { ...newJob("x").requirement, gpus: 9 } })),
    );
    const late = await engine.waitForJob("late", 10_000);
    assert.equal(late?.exit?.cause, "queue-timeout");
    await engine.execute(joined());
    await engine.execute(submit(newJob("again", { retry: { max: 1, backoffMs: 10 } })));
    await engine.execute({ type: "node-silent", nodeId: "n" });
    const lost = new Promise<Job>((resolve) => engine.onCommitted((jobs) => resolve(jobs[0]!)));
    assert.equal((await lost).state, "waiting");
    assert.match((await lost).note, /silent/);
    await close();
  }));

it("answers commit-unknown when a commit fails, and goes on with what the store has", () =>
  withFolder(async (path) => {
    let fail: "before" | "after" | null = null;
    const { engine, store, close } = await openEngine(path, {}, (real) => ({
      ...bound(real),
      async commit(batch) {
        const now = fail;
        fail = null;
        if (now === "before") throw new Error("disk full");
        await real.commit(batch);
        if (now === "after") throw new Error("connection lost");
      },
    }));
    await engine.execute(joined());
    let resets = 0;
    engine.onReset(() => resets++);
    fail = "before";
    const refused = [engine.execute(submit(newJob("a"))), engine.execute(submit(newJob("b")))];
    const waiter = engine.waitForJob("a", 60_000);
    for (const promise of refused) await assert.rejects(promise, isCode("commit-unknown"));
    assert.equal(await waiter, null);
    assert.equal(resets, 1);
    assert.equal(engine.state.jobs.size, 0);
    await engine.execute(submit(newJob("a")));
    fail = "after";
    await assert.rejects(engine.execute(submit(newJob("c"))), isCode("commit-unknown"));
    // It was stored all the same: that is why the answer is "unknown".
    assert.equal((await engine.job("c"))?.id, "c");
    assert.deepEqual([...engine.state.jobs.keys()], ["a", "c"]);
    assert.equal(engine.state.nodes.get("n")?.connected, false);
    assert.equal((await store.job("a"))?.seq, 1);
    await close();
  }));

it("finds finished jobs that memory has forgotten", () =>
  withFolder(async (path) => {
    const { engine, close } = await openEngine(path, { finishedMax: 1 });
    await engine.execute(joined());
    const jobs = ["a", "b", "c"].map((id) => newJob(id, { runId: "r" }));
    await engine.execute(submit(...jobs));
    for (const { id } of jobs) await engine.execute(report("n", id));
    assert.deepEqual([...engine.state.finished.keys()], ["c"]);
    const known = await engine.known(["a", "c", "nobody"], null);
    assert.deepEqual(
      known.map(({ id, nodeId }) => [id, nodeId]),
      [["a", "n"]],
    );
    await engine.execute({ type: "submit", jobs: [newJob("d", { parents: ["a"] })], known });
    assert.equal((await engine.job("d"))?.state, "running");
    await close();
  }));

it("loads what unfinished jobs follow, however long ago it ended", () =>
  withFolder(async (path) => {
    const first = await openEngine(path);
    await first.engine.execute(joined());
    const follower = newJob("follower", { parents: ["a"], affinity: "required", delayMs: 60_000 });
    await first.engine.execute(submit(...["a", "b", "c"].map((id) => newJob(id)), follower));
    for (const id of ["a", "b", "c"]) await first.engine.execute(report("n", id));
    await first.close();
    const { engine, close } = await openEngine(path, { finishedMax: 1 });
    assert.equal(engine.state.finished.get("a")?.nodeId, "n");
    await close();
  }));

it("keeps new payloads at hand and takes nothing after close", () =>
  withFolder(async (path) => {
    const { engine, close } = await openEngine(path, { payloadCacheBytes: 200 });
    const jobs = ["a", "b", "c", "d"].map((id) => newJob(id));
    await engine.execute(submit(...jobs), { payloads: payloadsOf(jobs) });
    assert.equal(engine.takePayload("a"), undefined, "the oldest made room");
    assert.equal(engine.takePayload("d"), payloadsOf(jobs)[0]?.payload);
    assert.equal((await engine.storedPayloads(["a", "d"])).size, 2);
    const waiting = engine.waitForJob("a", 60_000);
    await close();
    assert.equal((await waiting.catch(() => null))?.state ?? "let go", "waiting");
    await assert.rejects(engine.execute(submit(newJob("e"))), isCode("commit-unknown"));
  }));

/** Methods of a class are not copied by a spread. */
function bound(store: Store): Store {
  const names = [
    "load",
    "commit",
    "job",
    "jobIds",
    "jobs",
    "attempts",
    "lastFinished",
    "runCounts",
    "counts",
  ] as const;
  const rest = ["payloads", "submission", "putUpload", "upload", "close"] as const;
  return Object.fromEntries(
    [...names, ...rest].map((name) => [name, store[name].bind(store)]),
  ) as unknown as Store;
}
