/** Jobs see their own code, arguments, environment and devices, and leave nothing behind. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Cluster, isAlive, until } from "./cluster.ts";

let cluster: Cluster;

before(async () => {
  cluster = await Cluster.start([
    { name: "plain", flags: ["--cpus", "4", "--gpus", "0"] },
    { name: "gpu1", flags: ["--cpus", "4", "--gpus", "2"] },
  ]);
});
after(() => cluster.stop());

test("two jobs with the same file name at once run their own code", async () => {
  const meet = join(cluster.folder, "meet");
  // Each waits until the other has started, so both are surely there at the same time.
  const code = (own: string, other: string) =>
    `import os, time\nopen("${meet}-${own}", "w").close()\nwhile not os.path.exists("${meet}-${other}"): time.sleep(0.01)\nprint("${own}")\n`;
  const files = await Promise.all([
    cluster.file("main.py", code("first", "second")),
    cluster.file("main.py", code("second", "first")),
  ]);
  const ids = await cluster.submit(
    files.map((file, index) => ({ name: `twin-${index}`, script: "main.py", files: [file] })),
    "twins",
  );
  const ended = await Promise.all(ids.map((id) => cluster.ended(id)));
  assert.deepEqual(
    ended.map((job) => job.state),
    ["succeeded", "succeeded"],
  );
  assert.equal((await cluster.log(ids[0] ?? "", "stdout")).toString(), "first\n");
  assert.equal((await cluster.log(ids[1] ?? "", "stdout")).toString(), "second\n");
});

test("arguments arrive unchanged", async () => {
  const args = [
    "a;b",
    "c|d",
    `"quoted"`,
    "it's",
    "two\nlines",
    "$HOME `id` $(id)",
    "",
    " spaces ",
    "ünï·✓",
    "\\n",
    "*",
  ];
  const file = await cluster.file("args.py", "import json, sys\nprint(json.dumps(sys.argv[1:]))\n");
  const [id = ""] = await cluster.submit([{ name: "args", script: "args.py", args, files: [file] }]);
  assert.equal((await cluster.ended(id)).state, "succeeded");
  assert.deepEqual(JSON.parse((await cluster.log(id, "stdout")).toString()), args);
});

test("a job sees its own environment, and not the token", async () => {
  const [id = ""] = await cluster.submit([
    { name: "environment", command: ["env", "-0"], env: { GREETING: "a=b\nc", TITAN_NODE: "mine" } },
  ]);
  const job = await cluster.ended(id);
  const pairs = (await cluster.log(id, "stdout"))
    .toString()
    .split("\0")
    .filter((pair) => pair !== "");
  const env = Object.fromEntries(
    pairs.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]),
  );
  assert.equal(env.GREETING, "a=b\nc");
  assert.equal(env.TITAN_NODE, "mine", "what the job asks for comes last");
  assert.equal(env.TITAN_JOB_ID, id);
  assert.equal(env.TITAN_ATTEMPT, "1");
  assert.equal(env.TITAN_TOKEN, undefined);
  assert.equal(env.TITAN_TOKEN_FILE, undefined);
  assert.equal(job.node, "plain", "a job without GPUs keeps off the node that has some");
  assert.equal(env.CUDA_VISIBLE_DEVICES, "");
});

test("two GPU jobs at once hold different devices and see only their own", async () => {
  const gate = join(cluster.folder, "gpu-go");
  const show = `echo "$CUDA_VISIBLE_DEVICES"; touch '${gate}'-$CUDA_VISIBLE_DEVICES; while [ ! -e '${gate}'-0 ] || [ ! -e '${gate}'-1 ]; do sleep 0.02; done`;
  const ids = await cluster.submit(
    [0, 1].map((n) => ({ name: `gpu-${n}`, command: ["sh", "-c", show], gpus: 1 })),
  );
  const jobs = await Promise.all(ids.map((id) => cluster.ended(id)));
  const seen = await Promise.all(ids.map(async (id) => (await cluster.log(id, "stdout")).toString().trim()));
  assert.deepEqual(
    jobs.map((job) => job.node),
    ["gpu1", "gpu1"],
  );
  assert.deepEqual([...seen].sort(), ["0", "1"]);
  assert.deepEqual(
    jobs.map((job) => job.devices.join()),
    seen,
    "what the job saw is what the master says",
  );
});

test("the next job of a run on the same node finds what the one before it left", async () => {
  const ids = await cluster.submit(
    [
      { name: "write", command: ["sh", "-c", "echo left-behind > note.txt"] },
      { name: "read", command: ["cat", "note.txt"], parents: ["write"], affinity: true },
    ],
    "relay",
  );
  const [write, read] = await Promise.all(ids.map((id) => cluster.ended(id)));
  assert.equal(read?.node, write?.node);
  assert.equal((await cluster.log(ids[1] ?? "", "stdout")).toString(), "left-behind\n");
});

test("cancel ends the whole process tree, also what ignores the polite signal", async () => {
  const pids = join(cluster.folder, "pids");
  const tree = `trap '' TERM; (trap '' TERM; sleep 600 & echo $! >> '${pids}'; wait) & echo $! >> '${pids}'; echo $$ >> '${pids}'; while :; do sleep 600 & wait $!; done`;
  const [id = ""] = await cluster.submit([{ name: "stubborn", command: ["sh", "-c", tree], grace_ms: 300 }]);
  await cluster.running(id);
  const lines = await until("the tree stands", () => {
    const read = safeRead(pids).trim().split("\n");
    return read.length === 3 ? read : undefined;
  });
  const asked = Date.now();
  assert.equal((await cluster.call("POST", `/jobs/${id}/cancel`)).status, 202);
  const job = await cluster.ended(id);
  assert.equal(job.state, "cancelled");
  assert.equal(job.cause, "cancelled");
  assert.ok(Date.now() - asked < 2_000, `took ${Date.now() - asked} ms`);
  for (const pid of lines) assert.equal(isAlive(Number(pid)), false, `process ${pid} is still there`);
});

test("a job that has ended leaves no process of its group behind", async () => {
  const [id = ""] = await cluster.submit([{ name: "leaver", command: ["sh", "-c", "sleep 600 & echo $!"] }]);
  assert.equal((await cluster.ended(id)).state, "succeeded");
  const pid = Number((await cluster.log(id, "stdout")).toString());
  assert.equal(isAlive(pid), false);
});

test("exit codes, signals, timeouts and programs that are not there each have their cause", async () => {
  const ids = await cluster.submit([
    { name: "seven", command: ["sh", "-c", "echo said >&2; exit 7"] },
    { name: "killed", command: ["sh", "-c", "kill -9 $$"] },
    { name: "slow", command: ["sleep", "600"], timeout_ms: 300 },
    { name: "absent", command: ["/nowhere/program"] },
    { name: "silent", command: ["true"] },
  ]);
  const jobs = await Promise.all(ids.map((id) => cluster.ended(id)));
  const facts = jobs.map((job) => [job.state, job.cause, job.exit_code, job.signal]);
  assert.deepEqual(facts.slice(0, 2), [
    ["failed", "exit", 7, null],
    ["failed", "signal", null, "SIGKILL"],
  ]);
  assert.deepEqual(facts[2]?.slice(0, 2), ["failed", "timeout"]);
  assert.deepEqual(facts[3]?.slice(0, 2), ["failed", "launch-failed"]);
  assert.match(jobs[3]?.reason ?? "", /\/nowhere\/program|No such file/);
  assert.deepEqual(facts[4]?.slice(0, 3), ["succeeded", "exit", 0]);
  assert.equal((await cluster.log(ids[0] ?? "", "stderr")).toString(), "said\n");
  assert.equal((await cluster.log(ids[4] ?? "", "stdout")).length, 0);
});

function safeRead(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
