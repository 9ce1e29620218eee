import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, it } from "node:test";
import type { Report } from "@titan/core";
import { type Agent, type AgentOptions, startAgent } from "./agent.ts";
import { ReportJournal } from "./run/journal.ts";
import { eventually } from "./testing/eventually.ts";
import { TestMaster, TOKEN } from "./testing/master.ts";

let dir: string;
let master: TestMaster;
let agents: Agent[];

async function join1(more: Partial<AgentOptions> = {}): Promise<Agent> {
  const overrides = { pretend: true, gpus: 1, cpus: 2 };
  const agent = await startAgent({
    url: master.url,
    token: TOKEN,
    name: "n1",
    stateDir: dir,
    overrides,
    ...more,
  });
  agents.push(agent);
  return agent;
}

/** Joined and welcomed. */
async function joined(more: Partial<AgentOptions> = {}): Promise<Agent> {
  const agent = await join1(more);
  await agent.ready;
  return agent;
}

function sh(jobId: string, script: string, order: Parameters<TestMaster["start"]>[2] = {}): string {
  return master.start(jobId, { command: ["/bin/sh", "-c", script] }, order);
}

const folderIsGone = (key: string) =>
  eventually("the attempt's folder is removed", () => !existsSync(join(dir, "attempts", key)));

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "titan-agent-"));
  master = await new TestMaster().listen();
  agents = [];
});

afterEach(async () => {
  await Promise.all(agents.map((agent) => agent.close({ now: true })));
  await master.close();
  rmSync(dir, { recursive: true, force: true });
});

it("introduces itself, runs a job, and reports it with its log", async () => {
  const agent = await joined({ labels: { fast: "true" } });
  const [hello] = master.hellos;
  assert.deepEqual([hello?.name, hello?.capacity, hello?.labels.fast], ["n1", agent.capacity, "true"]);
  const key = sh("a", "echo $TITAN_JOB_ID $TITAN_ATTEMPT $TITAN_NODE; echo no >&2; exit 3", {
    notes: ["placed"],
  });
  const { exit, logBytes, startedAt, exitedAt } = await master.whole(key);
  assert.deepEqual([exit?.cause, exit?.code], ["exit", 3]);
  assert.deepEqual(
    ["stdout", "stderr", "titan"].map((each) => master.log(key, each as "stdout").toString()),
    ["a 1 n1\n", "no\n", "placed\n"],
  );
  assert.deepEqual(logBytes, { stdout: 7, stderr: 3, titan: 7 });
  assert.ok((exitedAt ?? 0) >= (startedAt ?? Number.NaN));
});

it("sends what is printed while the job runs", async () => {
  await joined();
  const key = sh("a", "echo first; sleep 100");
  await master.until(() => master.log(key, "stdout").toString() === "first\n");
  await master.until(() => master.reports.get(key)?.state === "running");
  // Printed when the watch has long begun, and not at the end: only an event can tell of it.
  const more = sh("b", "sleep 0.2; date +%s%3N; sleep 100");
  await master.until(() => master.log(more, "stdout").length > 0);
  const delay =
    (master.firstByteAt.get(`${more}/stdout`) ?? 0) - Number(master.log(more, "stdout").toString());
  assert.ok(delay < 1_000, `${delay} ms from print to master`);
  master.send({ t: "stop", jobId: "b", number: 1, cause: "cancelled", graceMs: 0 });
  assert.equal((await master.exited(more)).exit?.cause, "cancelled");
});

it("runs 20 jobs at once, each with its own log, byte for byte", async () => {
  await joined();
  const keys = Array.from({ length: 20 }, (_, at) =>
    sh(`j${at}`, `i=0; while [ $i -lt 300 ]; do echo ${at}-$i; i=$((i+1)); done`),
  );
  for (const [at, key] of keys.entries()) {
    await master.whole(key);
    assert.equal(
      master.log(key, "stdout").toString(),
      Array.from({ length: 300 }, (_, i) => `${at}-${i}\n`).join(""),
    );
  }
});

it("never has more than the window unacknowledged, and goes on after a cut from what was", async () => {
  master.acknowledge = false;
  await joined();
  const key = sh("a", "head -c 9000000 /dev/zero | tr '\\0' y");
  await master.exited(key);
  const window = 4 * 1024 * 1024;
  await master.until(() => master.log(key, "stdout").length === window);
  master.acknowledgeAll();
  master.acknowledge = true;
  master.cut();
  await master.whole(key);
  assert.equal(master.log(key, "stdout").length, 9_000_000);
  assert.ok(master.log(key, "stdout").every((byte) => byte === 0x79));
  assert.ok(master.maxUnacked <= window);
  assert.equal(master.hellos.length, 2);
  assert.equal(master.hellos[1]?.attempts[0]?.state, "exited");
});

it("keeps a job running over a cut", async () => {
  await joined();
  const key = sh("a", "echo before; until [ -e go ]; do sleep 0.01; done; echo after");
  await master.until(() => master.log(key, "stdout").length === 7);
  master.cut();
  await master.until(() => master.hellos.length === 2);
  assert.equal(master.hellos[1]?.attempts[0]?.state, "running");
  writeFileSync(join(dir, "attempts", key, "work", "go"), "");
  assert.equal((await master.whole(key)).exit?.code, 0);
  assert.equal(master.log(key, "stdout").toString(), "before\nafter\n");
});

it("ends what the master does not want any more, without a word", async () => {
  await joined();
  const key = sh("a", "echo $$; sleep 100");
  await master.until(() => master.log(key, "stdout").length > 0);
  const pid = Number(master.log(key, "stdout").toString());
  master.wanted.clear();
  master.cut();
  await master.until(() => master.hellos.length === 2);
  await folderIsGone(key);
  assert.throws(() => process.kill(pid, 0), { code: "ESRCH" });
  assert.equal(master.reports.get(key)?.state, "running", "nothing was said of its end");
});

it("enforces the timeout and cancels", async () => {
  await joined();
  const slow = sh("slow", "sleep 100", { timeoutMs: 100 });
  const slowEnd = await master.whole(slow);
  assert.deepEqual([slowEnd.exit?.cause, slowEnd.exit?.signal], ["timeout", "SIGTERM"]);
  assert.equal(master.log(slow, "titan").toString(), "killed after its timeout of 0.1 s\n");
});

it("says why a job cannot be started", async () => {
  await joined();
  const missing = await master.exited(master.start("a", { command: ["no-such-program"] }));
  assert.deepEqual([missing.exit?.cause, missing.startedAt], ["launch-failed", null]);
  assert.match(missing.exit?.message ?? "", /no such program: no-such-program/);
  const python = master.start("b", {
    script: "x.py",
    files: [master.file("x.py", "")],
    python: "/no/python",
  });
  assert.match((await master.exited(python)).exit?.message ?? "", /no such interpreter: \/no\/python/);
  const empty = master.start("c", { script: "run", files: [master.file("run", "echo hi\n")] });
  assert.match((await master.exited(empty)).exit?.message ?? "", /is not a program/);
});

it("runs a Python script of the payload in the run's folder", async () => {
  await joined();
  const code =
    "import os, sys\nprint(os.getcwd() == os.environ['TITAN_RUN_DIR'], sys.argv[1:])\nopen('left', 'w').write('x')\n";
  const key = master.start(
    "a",
    { script: "x.py", files: [master.file("x.py", code)], args: ["1 2"] },
    { runId: "r1" },
  );
  assert.equal((await master.whole(key)).exit?.code, 0);
  assert.equal(master.log(key, "stdout").toString(), "True ['1 2']\n");
  const next = sh("b", "cat left", { runId: "r1" });
  await master.whole(next);
  assert.equal(master.log(next, "stdout").toString(), "x");
});

/** What the agent has written down of ended attempts. */
function journal(): Map<string, Report> {
  return new ReportJournal(join(dir, "reports.jsonl")).read();
}

it("removes an attempt's folder once the master has its end", async () => {
  await joined();
  const key = sh("a", "mkdir -p deep/er && touch deep/er/file");
  await master.whole(key);
  assert.equal(journal().get(key)?.state, "exited");
  master.send({ t: "forget", jobId: "a", number: 1 });
  await folderIsGone(key);
});

it("tells of what an earlier agent left: the end of one job, the loss of another", async () => {
  const ended = { jobId: "a", number: 1, state: "exited", startedAt: 1, exitedAt: 2 };
  const exit = { cause: "exit", code: 4, signal: null, message: "", maxRssBytes: 0, cpuMs: 0 };
  for (const key of ["a.1", "b.1", "c.1"]) mkdirSync(join(dir, "attempts", key), { recursive: true });
  writeFileSync(join(dir, "attempts/a.1/stdout"), "kept");
  const report = { ...ended, exit, logBytes: { stdout: 4, stderr: 0, titan: 0 } };
  const gone = { ...report, jobId: "d" };
  const lines = [report, gone, { gone: ["d.1"] }].map((line) => JSON.stringify(line));
  writeFileSync(join(dir, "reports.jsonl"), `${lines.join("\n")}\n{"jobId":"cut o`);
  writeFileSync(join(dir, "attempts/b.1/stdout"), "half");
  for (const jobId of ["a", "b"]) master.wanted.set(`${jobId}.1`, { jobId, number: 1 });
  await joined();
  assert.equal((await master.whole("a.1")).exit?.code, 4);
  assert.equal((await master.whole("b.1")).exit?.cause, "node-lost");
  assert.deepEqual(
    ["a.1", "b.1"].map((key) => master.log(key, "stdout").toString()),
    ["kept", "half"],
  );
  assert.equal(master.reports.has("c.1"), false, "prepared only: the master orders it again");
  assert.equal(master.reports.has("d.1"), false, "removed already");
});

it("ends a job by itself when the master stays away for as long as the job's order says", async () => {
  await joined();
  const key = sh("a", "echo $$; sleep 100", { lostAfterMs: 100 });
  await master.until(() => master.log(key, "stdout").length > 0);
  const port = Number(new URL(master.url).port);
  await master.close();
  await eventually("its end is written down", () => journal().has(key));
  assert.equal(journal().get(key)?.exit?.cause, "node-lost");
  const { wanted } = master;
  master = new TestMaster();
  for (const [each, ref] of wanted) master.wanted.set(each, ref);
  await master.listen(port);
  assert.equal((await master.exited(key)).exit?.cause, "node-lost");
});

it("ends its jobs, tells, and goes, when it is closed", async () => {
  const agent = await joined();
  const key = sh("a", "trap 'echo bye; exit 9' TERM; echo up; while :; do sleep 0.01; done", {
    graceMs: 10_000,
  });
  await master.until(() => master.log(key, "stdout").length === 3);
  const closing = agent.close();
  const { exit } = await master.whole(key);
  assert.deepEqual([exit?.cause, exit?.code], ["node-lost", 9]);
  assert.equal(master.log(key, "stdout").toString(), "up\nbye\n");
  master.send({ t: "forget", jobId: "a", number: 1 });
  await closing;
  await agent.closed;
  assert.deepEqual(readdirSync(join(dir, "attempts")), []);
  assert.equal(existsSync(join(dir, "lock")), false);
});

it("starts another launcher when its own dies", async () => {
  await joined();
  const key = sh("a", "echo $PPID; sleep 100");
  await master.until(() => master.log(key, "stdout").length > 0);
  process.kill(Number(master.log(key, "stdout").toString()), "SIGKILL");
  assert.match((await master.exited(key)).exit?.message ?? "", /launcher of this node died/);
  assert.equal((await master.exited(sh("b", "exit 6"))).exit?.code, 6);
});

it("gives up when it is refused, with the master's words", async () => {
  master.answer = { t: "refuse", code: "version-mismatch", message: "too old", hint: "install 9" };
  const agent = await join1();
  await assert.rejects(agent.ready, { code: "version-mismatch", message: "too old", hint: "install 9" });
  await assert.rejects(agent.closed, { code: "version-mismatch" });
  await assert.rejects((await join1({ token: "wrong" })).closed, { code: "unauthorized" });
});

it("has its state folder to itself", async () => {
  await joined();
  await assert.rejects(join1(), { code: "state-in-use" });
});

it("answers at once without a launcher", async () => {
  await joined({ launcher: "noop" });
  const keys = Array.from({ length: 500 }, (_, at) => sh(`j${at}`, "exit 1"));
  await Promise.all(keys.map((key) => master.exited(key)));
  assert.equal(master.history.length, 500, "started and ended in one turn is one report");
  assert.equal(existsSync(join(dir, "attempts")), false);
});
