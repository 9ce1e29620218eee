/** The life of `titan dev`: its nodes end with it, whatever ends it, and its state is kept or not. */
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import type { Started } from "./testing/titan.ts";
import { Home } from "./testing/titan.ts";

const NODE = ["--no-node", "--fake-node", "name=n,cpus=1,mem=1G"];
let home: Home;
let running: Started[];
beforeEach(() => {
  home = new Home();
  running = [];
});
afterEach(async () => {
  for (const { child } of running) child.kill("SIGTERM");
  await Promise.all(running.map(({ ended }) => ended));
  home.remove();
});

async function start(
  ...args: string[]
): Promise<{ dev: Started; ready: { url: string; state: string; nodes: { pid: number }[] } }> {
  const dev = home.start(["dev", "--json", ...NODE, ...args]);
  running.push(dev);
  return { dev, ready: JSON.parse(await dev.line('"ready":true')) };
}

async function freePort(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return String(port);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test("a signal ends nodes and master and exits with 0; port 0 leaves nothing behind", async () => {
  const { dev, ready } = await start("--port", "0");
  assert.ok(existsSync(ready.state));
  dev.child.kill("SIGINT");
  const { code, stderr } = await dev.ended;
  assert.equal(code, 0);
  assert.equal(stderr, "");
  assert.equal(isAlive(ready.nodes[0]!.pid), false);
  assert.deepEqual(readdirSync(join(home.folder, "state", "titan")), ["token"]);
});

test("kill -9 takes the nodes along", async () => {
  const { dev, ready } = await start("--port", "0");
  const { pid } = ready.nodes[0]!;
  dev.child.kill("SIGKILL");
  assert.equal((await dev.ended).code, "SIGKILL");
  const deadline = performance.now() + 10_000;
  while (isAlive(pid) && performance.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(isAlive(pid), false);
});

test("a second one says that the first runs; jobs are kept between runs, --fresh forgets them", async () => {
  const port = await freePort();
  const first = await start("--port", port);
  home.env.TITAN_URL = first.ready.url;
  assert.equal((await home.titan("run", "true")).code, 0);
  const second = await home.start(["dev", "--port", port, ...NODE]).ended;
  assert.equal(second.code, 0);
  assert.match(
    second.stdout.toString(),
    new RegExp(`already running at ${first.ready.url} \\(pid ${first.dev.child.pid}\\)`),
  );
  const fresh = await home.start(["dev", "--port", port, "--fresh", ...NODE]).ended;
  assert.equal(fresh.code, 1);
  assert.match(fresh.stderr, /error\[state-in-use\]/);

  const jobs = async () => JSON.parse((await home.titan("ps", "-a", "--json")).stdout.toString()).jobs.length;
  const restart = async (...args: string[]) => {
    running.at(-1)!.child.kill("SIGTERM");
    await running.at(-1)!.ended;
    await start("--port", port, ...args);
    return await jobs();
  };
  assert.equal(await restart(), 1);
  assert.equal(await restart("--fresh"), 0);
});

test("a port of something else, and a node that cannot be, end it with words", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => other.once("listening", resolve));
  const port = String((other.address() as AddressInfo).port);
  const taken = await home.start(["dev", "--port", port, ...NODE]).ended;
  other.close();
  assert.equal(taken.code, 1);
  assert.match(taken.stderr, new RegExp(`error\\[port-in-use\\]: .*${port}.*process ${process.pid}`));
  const wrong = await home.start(["dev", "--port", "0", "--no-node", "--fake-node", "name=n,gpsu=1"]).ended;
  assert.notEqual(wrong.code, 0);
  assert.match(wrong.stderr, /gpsu=1/);
});
