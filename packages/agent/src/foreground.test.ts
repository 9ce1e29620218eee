/** The agent as a process: how soon it is gone once nothing is left to tell. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, it } from "node:test";
import { fileURLToPath } from "node:url";
import { TestMaster, TOKEN } from "./testing/master.ts";

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));
/** The farewell alone is 5 s: what waits for it to pass is above this, and a loaded machine is below. */
const SOON_MS = 3_500;

let dir: string;
let master: TestMaster;
let agent: ChildProcess;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "titan-agent-"));
  master = await new TestMaster().listen();
  const args = ["--url", master.url, "--state", dir, "--node", "name=n1,cpus=2", "--log-level", "silent"];
  const env = { ...process.env, TITAN_TOKEN: TOKEN };
  agent = spawn(process.execPath, [MAIN, ...args], { env, stdio: ["ignore", "ignore", "inherit"] });
  await master.until(() => master.hellos.length === 1);
});

afterEach(async () => {
  agent.kill("SIGKILL");
  await master.close();
  rmSync(dir, { recursive: true, force: true });
});

/** The exit code, and how long after `from` it came. */
async function ended(from: () => void): Promise<{ code: number; tookMs: number }> {
  const over = once(agent, "exit") as Promise<[number]>;
  from();
  const start = performance.now();
  const [code] = await over;
  return { code, tookMs: performance.now() - start };
}

async function running(): Promise<string> {
  const key = master.start("a", { command: ["/bin/sh", "-c", "echo up; exec sleep 100"] });
  await master.until(() => master.log(key, "stdout").length > 0);
  return key;
}

it("goes at once where no job ran", async () => {
  const { code, tookMs } = await ended(() => agent.kill("SIGTERM"));
  assert.equal(code, 0);
  assert.ok(tookMs < SOON_MS, `${tookMs} ms`);
});

it("goes soon where the master hangs", async () => {
  master.hang();
  const { code, tookMs } = await ended(() => agent.kill("SIGTERM"));
  assert.equal(code, 0);
  assert.ok(tookMs < SOON_MS, `${tookMs} ms`);
});

it("goes as soon as the master has the last report", async () => {
  const key = await running();
  agent.kill("SIGTERM");
  assert.equal((await master.whole(key)).exit?.cause, "node-lost");
  const { code, tookMs } = await ended(() => master.send({ t: "forget", jobId: "a", number: 1 }));
  assert.equal(code, 0);
  assert.ok(tookMs < SOON_MS, `${tookMs} ms after the master's answer`);
});

it("goes as soon as the master is gone before it has answered", async () => {
  const key = await running();
  agent.kill("SIGTERM");
  await master.whole(key);
  const { code, tookMs } = await ended(() => void master.close());
  assert.equal(code, 0);
  assert.ok(tookMs < SOON_MS, `${tookMs} ms after the master went`);
});
