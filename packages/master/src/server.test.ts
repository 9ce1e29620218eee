import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, test } from "node:test";
import type { JobDetail, Submitted } from "@titan/protocol";
import { type Master, type MasterOptions, startMaster } from "./server.ts";

let folder: string;
const running: Master[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "titan-server-"));
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((master) => master.close()));
  rmSync(folder, { recursive: true, force: true });
});

async function start(options: Partial<MasterOptions> = {}): Promise<Master> {
  const master = await startMaster({
    host: "127.0.0.1",
    port: 0,
    stateDir: join(folder, "state"),
    stateHome: join(folder, "home"),
    logLevel: "silent",
    ...options,
  });
  running.push(master);
  return master;
}

const ask = (master: Master, path: string, init: RequestInit = {}) =>
  fetch(master.url + path, {
    ...init,
    headers: { authorization: `Bearer ${master.token}`, "content-type": "application/json" },
  });

test("what was taken is there after a restart, and the key still gets the same answer", async () => {
  const first = await start();
  const body = JSON.stringify({ jobs: [{ name: "kept", command: ["true"] }] });
  const post = (master: Master) =>
    fetch(`${master.url}/api/v1/jobs`, {
      method: "POST",
      body,
      headers: {
        authorization: `Bearer ${master.token}`,
        "content-type": "application/json",
        "idempotency-key": "k",
      },
    });
  const taken = (await (await post(first)).json()) as Submitted;
  const started = performance.now();
  await first.close();
  assert.ok(performance.now() - started < 2_000);
  const second = await start();
  assert.equal(second.token, first.token);
  const again = await post(second);
  assert.equal(again.status, 201);
  assert.equal(again.headers.get("idempotency-replayed"), "true");
  assert.deepEqual(await again.json(), taken);
  const shown = (await (await ask(second, `/api/v1/jobs/${taken.jobs[0]!.id}`)).json()) as JobDetail;
  assert.equal(shown.name, "kept");
});

test("closing answers who waits, drops who follows, and does not take long", async () => {
  const master = await start();
  const taken = (await (
    await ask(master, "/api/v1/jobs", {
      method: "POST",
      body: JSON.stringify({ jobs: [{ name: "a", command: ["true"] }] }),
    })
  ).json()) as Submitted;
  const { id } = taken.jobs[0]!;
  const poll = ask(master, `/api/v1/jobs/${id}?wait_ms=60000`);
  const logs = await ask(master, `/api/v1/jobs/${id}/logs?follow=true`);
  const session = await ask(master, "/api/v1/owners/o/session");
  const idle = connect(master.port, "127.0.0.1");
  await once(idle, "connect");
  const started = performance.now();
  await master.close();
  assert.ok(performance.now() - started < 2_000, `${performance.now() - started} ms`);
  assert.equal(((await (await poll).json()) as JobDetail).state, "waiting");
  await assert.rejects(logs.text(), "a followed log that was cut off must not look whole");
  await assert.rejects(session.text());
  idle.destroy();
});

test("a port in use is told with its process", { skip: process.platform !== "linux" }, async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  await assert.rejects(start({ port }), {
    code: "port-in-use",
    message: new RegExp(`Port ${port} .* process ${process.pid} \\(`),
  });
  other.close();
  // Nothing was left behind: the folder is free.
  await start();
});

test("a second master on the same port and folder is told of the port; on another port, of the folder", async () => {
  const first = await start();
  await assert.rejects(start({ port: first.port }), { code: "port-in-use" });
  await assert.rejects(start(), { code: "state-in-use", message: new RegExp(`process ${process.pid} `) });
});

test("beyond this machine only when asked to", async () => {
  await assert.rejects(start({ host: "0.0.0.0" }), { code: "insecure-bind" });
  const master = await start({ host: "0.0.0.0", insecure: true });
  assert.equal(master.url, `http://127.0.0.1:${master.port}`);
  assert.equal((await ask(master, "/api/v1/info")).status, 200);
});

test("kill -9 right after the answer loses nothing", async () => {
  const module = new URL("./server.ts", import.meta.url).href;
  const options = {
    host: "127.0.0.1",
    port: 0,
    stateDir: join(folder, "state"),
    stateHome: join(folder, "home"),
  };
  const source = `const { startMaster } = await import(${JSON.stringify(module)});
    const { url, token } = await startMaster(${JSON.stringify(options)}); console.log(JSON.stringify({ url, token }));`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", source], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  const { url, token } = JSON.parse(line.toString()) as { url: string; token: string };
  const jobs = Array.from({ length: 200 }, (_, i) => ({ name: `j${i}`, command: ["true"] }));
  const response = await fetch(`${url}/api/v1/jobs`, {
    method: "POST",
    body: JSON.stringify({ run: { id: "r" }, jobs }),
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
  });
  assert.equal(response.status, 201);
  child.kill("SIGKILL");
  await once(child, "exit");
  const master = await start();
  const { counts } = (await (await ask(master, "/api/v1/runs/r")).json()) as { counts: object };
  assert.deepEqual(counts, { waiting: 200 });
});

const nonsense: [string, string | Buffer][] = [
  ["garbage", Buffer.from([0, 1, 2, 255, 254, 10, 13, 0])],
  ["a TLS greeting", Buffer.from("16030100c2010000be0303", "hex")],
  ["words", "hello there\r\n\r\n"],
  ["an unknown method", "BREW / HTTP/1.1\r\nhost: x\r\n\r\n"],
  ["an unknown version", "GET / HTTP/9.9\r\nhost: x\r\n\r\n"],
  ["no host", "GET /healthz HTTP/1.1\r\n\r\n"],
  ["huge headers", `GET /healthz HTTP/1.1\r\nhost: x\r\nx: ${"a".repeat(200_000)}\r\n\r\n`],
  ["a broken header", "GET /healthz HTTP/1.1\r\nhost: x\r\nbro ken\0: 1\r\n\r\n"],
  [
    "two lengths",
    "POST /api/v1/jobs HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
  ],
  [
    "length and chunks",
    "POST /api/v1/jobs HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
  ],
  ["a negative length", "POST /api/v1/jobs HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n"],
  ["a broken chunk", "POST /yaml HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"],
];

test("nonsense on the port is answered with 400 and closed; the master serves on", async () => {
  const master = await start();
  for (const [what, bytes] of nonsense) {
    const socket = connect(master.port, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.write(bytes);
    const answer = await text(socket);
    assert.match(answer, /^HTTP\/1\.1 40[01] /, what);
    assert.equal((await fetch(`${master.url}/healthz`)).status, 200, what);
  }
});
