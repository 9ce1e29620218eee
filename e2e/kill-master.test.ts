/** What was acknowledged is never lost, and nothing runs twice: `kill -9` of the master, with work queued and running. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { JobSpec } from "@titan/protocol";
import { Cluster, until } from "./cluster.ts";

const RUNNING = 4;
const QUEUED = 200;

/** Four chains: each begins with a job that waits for the file `go`, and each job appends its own name to `ledger`. */
function chains(folder: string): JobSpec[] {
  const append = `echo "$0" >> '${join(folder, "ledger")}'`;
  const gate = `while [ ! -e '${join(folder, "go")}' ]; do sleep 0.05; done`;
  const jobs: JobSpec[] = [];
  for (let index = 0; index < RUNNING + QUEUED; index++) {
    const name = `job-${index}`;
    const isFirst = index < RUNNING;
    jobs.push({
      name,
      command: ["sh", "-c", isFirst ? `${gate}; ${append}` : append, name],
      ...(isFirst ? {} : { parents: [`job-${index - RUNNING}`] }),
    });
  }
  return jobs;
}

function ledger(folder: string): string[] {
  const path = join(folder, "ledger");
  return existsSync(path) ? readFileSync(path, "utf8").trimEnd().split("\n") : [];
}

test("kill -9 of the master: 4 running and 200 queued jobs all end once, in order", async () => {
  await using cluster = await Cluster.start([{ name: "n1", flags: ["--cpus", "4"] }]);
  const ids = await cluster.submit(chains(cluster.folder), "nightly");
  await Promise.all(ids.slice(0, RUNNING).map((id) => cluster.running(id)));

  await cluster.killMaster();
  await cluster.startMaster();
  // Running jobs have outlived their master, and are the same attempts as before.
  const survivors = await cluster.jobs("state=running");
  assert.deepEqual(
    survivors.map((job) => job.attempt),
    [1, 1, 1, 1],
  );
  assert.equal((await cluster.jobs("state=waiting&limit=1000")).length, QUEUED);

  writeFileSync(join(cluster.folder, "go"), "");
  // A second time, at whatever instant: between decisions, within a commit, with reports under way.
  await until("a part of the queue is done", () => (ledger(cluster.folder).length >= 60 ? true : undefined));
  await cluster.killMaster();
  await cluster.startMaster();

  const deadline = Date.now() + 90_000;
  let run = await cluster.run("nightly", 20_000);
  while (run.state === "running" && Date.now() < deadline) run = await cluster.run("nightly", 20_000);
  assert.deepEqual(run.counts, { succeeded: RUNNING + QUEUED }, JSON.stringify(run));

  const lines = ledger(cluster.folder);
  assert.equal(lines.length, RUNNING + QUEUED, "each job ran exactly once");
  assert.equal(new Set(lines).size, lines.length);
  const position = new Map(lines.map((name, index) => [name, index]));
  for (let index = RUNNING; index < RUNNING + QUEUED; index++) {
    const own = position.get(`job-${index}`) ?? -1;
    const parent = position.get(`job-${index - RUNNING}`) ?? Number.POSITIVE_INFINITY;
    assert.ok(parent < own, `job-${index} ran at ${own}, its parent at ${parent}`);
  }
  for (const job of await cluster.jobs("limit=1000")) assert.equal(job.attempt, 1, job.name);
});

test("kill -9 of the master loses no byte of a running job's log", async () => {
  await using cluster = await Cluster.start([{ name: "n1", flags: ["--cpus", "1"] }]);
  const go = join(cluster.folder, "go");
  const script = `i=0; while [ $i -lt 2000 ]; do echo "line $i"; i=$((i+1)); [ $i -ne 1000 ] || while [ ! -e '${go}' ]; do sleep 0.05; done; done`;
  const [id = ""] = await cluster.submit([{ name: "talker", command: ["sh", "-c", script] }]);
  await until("half of the log is there", async () =>
    (await cluster.log(id, "stdout").catch(() => Buffer.alloc(0))).includes("line 999\n") ? true : undefined,
  );
  await cluster.killMaster();
  writeFileSync(go, "");
  await cluster.startMaster();
  assert.equal((await cluster.ended(id)).state, "succeeded");
  const expected = Array.from({ length: 2000 }, (_, index) => `line ${index}\n`).join("");
  assert.equal((await cluster.log(id, "stdout")).toString(), expected);
});
