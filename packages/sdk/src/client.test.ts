/** Against a server that misbehaves on purpose: what the client does about lost connections and answers it cannot use. */
import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { TitanError } from "@titan/protocol";
import { TitanClient } from "./client.ts";
import { fileFromBytes, jobFromText, localFile } from "./files.ts";

type Handler = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;

let handler: Handler;
const requests: { method: string; url: string; key: string | undefined; body: string }[] = [];
const server = createServer(async (request, response) => {
  const pieces: Buffer[] = [];
  try {
    for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
  } catch {
    // The client broke it off.
    return;
  }
  const body = Buffer.concat(pieces);
  const key = request.headers["idempotency-key"] as string | undefined;
  requests.push({ method: request.method!, url: request.url!, key, body: body.toString() });
  handler(request, response, body);
});
let url: string;

beforeEach(async () => {
  requests.length = 0;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const json = (response: ServerResponse, value: unknown, status = 200) =>
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
const open = (options: { retryWindowMs?: number; fetch?: typeof fetch } = {}) =>
  new TitanClient({ url, token: "t", ...options });
const record = (cursor: number, text: string) =>
  `${JSON.stringify({ cursor: `1:${cursor}`, attempt: 1, stream: "stdout", data: Buffer.from(text).toString("base64") })}\n`;
const END = `${JSON.stringify({ cursor: "1:99", attempt: 1, end: true })}\n`;

test("a submission whose answer was lost is repeated under the same key", async () => {
  handler = (request, response) => {
    if (requests.length === 1) request.socket.destroy();
    else json(response, { run: null, jobs: [{ id: "abcdefghijkl", name: "a" }] }, 201);
  };
  const job = await open().submitJob({ name: "a", command: ["true"] });
  assert.equal(job.id, "abcdefghijkl");
  assert.equal(requests.length, 2);
  assert.ok(requests[0]!.key);
  assert.equal(requests[0]!.key, requests[1]!.key);
});

test("an answer of `commit-unknown` is repeated too, other problems are thrown as they are", async () => {
  const problem = (code: "commit-unknown" | "bad-field") =>
    new TitanError(code, "words", { hint: "a hint", field: "jobs[0].cpus" }).toProblem();
  handler = (_request, response) => {
    if (requests.length === 1) json(response, problem("commit-unknown"), 503);
    else json(response, problem("bad-field"), 400);
  };
  const error = { code: "bad-field", message: "words", hint: "a hint", field: "jobs[0].cpus" };
  await assert.rejects(open().submitJob({ name: "a", command: ["true"] }), error);
  assert.equal(requests.length, 2);
});

test("nobody there: `master-unreachable` after the window, with what the system said", async () => {
  const client = open({ retryWindowMs: 120 });
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  const from = performance.now();
  await assert.rejects(client.info(), (error: TitanError) => {
    assert.equal(error.code, "master-unreachable");
    assert.match(error.message, /connection refused/);
    assert.match((error.cause as Error).message, /ECONNREFUSED/);
    return true;
  });
  const took = performance.now() - from;
  assert.ok(took >= 110 && took < 3_000, `${took} ms`);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});

test("something else than a master is said to be that, at once", async () => {
  handler = (_request, response) => response.writeHead(404, { "content-type": "text/html" }).end("<html>");
  await assert.rejects(open().info(), {
    code: "master-unreachable",
    message: /not a Titan master \(HTTP 404, text\/html\)/,
  });
  handler = (_request, response) => response.writeHead(200, { "content-type": "text/html" }).end("<html>");
  await assert.rejects(open().info(), { code: "master-unreachable" });
  assert.equal(requests.length, 2);
});

for (const [name, options] of [
  ["node:http", {}],
  ["fetch", { fetch }],
] as const) {
  test(`a log that is cut off goes on behind its last whole record (${name})`, async () => {
    handler = (_request, response) => {
      response.writeHead(200, { "content-type": "application/x-ndjson" });
      if (requests.length === 1) {
        response.write(record(4, "one\ntw") + record(6, "X").slice(0, 20), () => response.destroy());
      } else if (requests.length === 2) response.end(record(5, "o"));
      else response.end(record(9, "\nend") + END);
    };
    const lines: string[] = [];
    for await (const line of open(options).lines("abc", { follow: true })) lines.push(line.text);
    assert.deepEqual(lines, ["one", "two", "end"]);
    assert.deepEqual(
      requests.map((request) => new URL(request.url, url).searchParams.get("after")),
      [null, "1:4", "1:5"],
    );
  });
}

test("a character in two pieces is one, in two streams each has its own", async () => {
  const euro = Buffer.from("€");
  const piece = (stream: string, bytes: Buffer) =>
    `${JSON.stringify({ cursor: "1:1", attempt: 1, stream, data: bytes.toString("base64") })}\n`;
  handler = (_request, response) =>
    response.end(
      piece("stdout", euro.subarray(0, 1)) +
        piece("stderr", Buffer.from("e\n")) +
        piece("stdout", euro.subarray(1)) +
        END,
    );
  const seen: string[] = [];
  for await (const line of open().lines("abc")) seen.push(`${line.stream} ${line.text}`);
  assert.deepEqual(seen, ["stderr e", "stdout €"]);
});

test("wait asks again until the end, `timeoutMs` ends it, a signal ends it at once", async () => {
  handler = (_request, response) =>
    json(response, { id: "a", state: requests.length < 3 ? "running" : "succeeded" });
  assert.equal((await open().wait("abc")).state, "succeeded");
  assert.equal(requests.length, 3);
  handler = (_request, response) => json(response, { id: "a", state: "running" });
  await assert.rejects(open().wait("abc", { timeoutMs: 30 }), { code: "wait-timeout" });
  handler = () => undefined;
  const stop = new AbortController();
  const waiting = open().wait("abc", { signal: stop.signal });
  stop.abort(new Error("enough"));
  await assert.rejects(waiting, /enough/);
});

for (const [name, options] of [
  ["node:http", {}],
  ["fetch", { fetch }],
] as const) {
  test(`only files that the master lacks are sent, each once (${name})`, async () => {
    const lacking = fileFromBytes("a", Buffer.from("lacking"));
    handler = (request, response) => {
      if (request.url?.endsWith("/blobs/missing")) json(response, { missing: [lacking.sha256] });
      else if (request.method === "PUT") response.writeHead(201).end();
      else json(response, { run: null, jobs: [{ id: "x", name: "x" }] }, 201);
    };
    const job = jobFromText("x.py", "print()");
    await open(options).submit({ jobs: [{ ...job, local: [...job.local!, lacking, lacking] }] });
    const sent = requests.filter(({ method }) => method === "PUT");
    assert.deepEqual(
      sent.map((request) => request.body),
      ["lacking"],
    );
    assert.equal(JSON.parse(requests[0]!.body).sha256.length, 2);
    assert.equal("local" in JSON.parse(requests.at(-1)!.body).jobs[0], false);
  });

  test(`a file that is not what it was when it was named is told at once (${name})`, async (t) => {
    handler = (request, response, body) => {
      if (request.url?.endsWith("/missing")) json(response, { missing: JSON.parse(body.toString()).sha256 });
      else response.writeHead(201).end();
    };
    const folder = mkdtempSync(join(tmpdir(), "titan-sdk-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const write = async (file: string, content = "x".repeat(300_000)) => {
      writeFileSync(join(folder, file), content);
      return await localFile(join(folder, file));
    };
    const upload = async (file: Awaited<ReturnType<typeof write>>) =>
      await open({ ...options, retryWindowMs: 60_000 }).uploadFiles([file], {
        signal: AbortSignal.timeout(20_000),
      });
    const gone = await write("gone");
    rmSync(join(folder, "gone"));
    await assert.rejects(upload(gone), { code: "script-not-found", message: /^gone has gone .*ENOENT/ });
    const cut = await write("cut");
    truncateSync(join(folder, "cut"), 100_000);
    await assert.rejects(upload(cut), { code: "script-unreadable", message: /^cut .*shorter/ });
    const log = await write("log", "so far");
    appendFileSync(join(folder, "log"), "and on");
    assert.deepEqual(await upload(log), { files: 1, bytes: 6 });
    assert.equal(requests.at(-1)?.body, "so far");
    assert.equal(requests.filter(({ method }) => method === "PUT").length, 1, "nothing was tried twice");
  });
}
