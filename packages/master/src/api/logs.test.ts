import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import type { LogRecord, Problem } from "@titan/protocol";
import type { LogStream } from "@titan/protocol/link";
import { type ApiFixture, type FixtureNode, openApi } from "../testing/api-fixture.ts";
import { eventually, within } from "../testing/deadline.ts";

let api: ApiFixture;
let node: FixtureNode;
before(async () => {
  api = await openApi();
  node = await api.join("n", { cpuMillis: 1_000_000 });
});
after(() => api.close());

const held = new Map<string, Record<LogStream, number>>();

/** What a node would send: bytes at the stream's own offset. */
async function print(jobId: string, stream: LogStream, data: string | Buffer, number = 1): Promise<void> {
  const key = `${jobId}.${number}`;
  const offsets = held.get(key) ?? { stdout: 0, stderr: 0, titan: 0 };
  held.set(key, offsets);
  const bytes = Buffer.from(data as string);
  await api.parts.logs.append(
    { jobId, number },
    { stream, offset: offsets[stream], at: Date.now(), data: bytes },
  );
  offsets[stream] += bytes.length;
}

async function startJob(name: string, more: object = {}): Promise<string> {
  const { jobs } = await api.submit({ jobs: [{ name, command: ["true"], ...more }] });
  await node.started(jobs[0]!.id);
  return jobs[0]!.id;
}

/** Resolves with the commit that gives the job this attempt. */
async function attemptIs(id: string, number: number): Promise<void> {
  const { engine } = api.parts;
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = () => (engine.state.jobs.get(id)?.attempt === number ? resolve() : undefined);
  const stop = engine.onCommitted(look);
  look();
  await promise;
  stop();
}

const finish = (id: string, code = 0, number = 1) =>
  node.exited(id, { code }, held.get(`${id}.${number}`) ?? { stdout: 0, stderr: 0, titan: 0 });
const parse = (text: string) =>
  text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as LogRecord);
const dataOf = (records: LogRecord[]) =>
  Buffer.concat(records.map(({ data }) => Buffer.from(data ?? "", "base64")));
const read = async (id: string, query = "") =>
  parse(await (await api.fetch(`/api/v1/jobs/${id}/logs${query}`)).text());
const readPlain = async (id: string, query = "") =>
  Buffer.from(
    await (
      await api.fetch(`/api/v1/jobs/${id}/logs${query}`, { headers: { accept: "text/plain" } })
    ).arrayBuffer(),
  );

/** Records as they come, until one of them satisfies. */
async function* follow(id: string, query = ""): AsyncGenerator<LogRecord> {
  const response = await api.fetch(`/api/v1/jobs/${id}/logs?follow=true${query}`);
  let rest = "";
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    for (const line of lines) yield JSON.parse(line) as LogRecord;
  }
}

test("bytes come back exactly, with their stream, whatever they are", async () => {
  const id = await startJob("exact");
  const odd = Buffer.from([0, 255, 254, 13, 10, 0xc3, 0x28, 27, 91, 65]);
  await print(id, "stdout", odd);
  await print(id, "stderr", "é\n");
  const open = await read(id);
  assert.deepEqual(
    open.map(({ stream, offset, cursor }) => ({ stream, offset, cursor })),
    [
      { stream: "stdout", offset: 0, cursor: "1:10" },
      { stream: "stderr", offset: 10, cursor: "1:13" },
    ],
  );
  assert.ok(!open.some(({ end }) => end), "a job that goes on has no end");
  await finish(id);
  const whole = await read(id);
  assert.deepEqual(dataOf(whole), Buffer.concat([odd, Buffer.from("é\n")]));
  assert.deepEqual(whole.at(-1), { cursor: "1:13", attempt: 1, offset: 13, end: true });
  assert.deepEqual(await readPlain(id), Buffer.concat([odd, Buffer.from("é\n")]));
  assert.deepEqual(await readPlain(id, "?stream=stderr"), Buffer.from("é\n"));
  assert.deepEqual(dataOf(await read(id, "?after=1:10")), Buffer.from("é\n"));
  assert.deepEqual(
    dataOf(await read(id, "?after=1:4")),
    Buffer.concat([odd.subarray(4), Buffer.from("é\n")]),
  );
  assert.equal(dataOf(await read(id, "?tail_bytes=3")).toString(), "é\n");
});

test("a job that printed nothing has an end all the same", async () => {
  const id = await startJob("silent");
  await finish(id);
  assert.deepEqual(await read(id), [{ cursor: "1:0", attempt: 1, offset: 0, end: true }]);
  const { jobs } = await api.submit({ jobs: [{ name: "never", command: ["true"], gpus: 1_000 }] });
  assert.deepEqual(await read(jobs[0]!.id), []);
  await api.call("POST", `/api/v1/jobs/${jobs[0]!.id}/cancel`);
  assert.equal((await read(jobs[0]!.id)).at(-1)!.end, true);
});

test("a follower sees lines as they are printed, over attempts, to the end", async () => {
  const id = await startJob("tries", { retries: 1, retry_backoff_ms: 0 });
  const records = follow(id);
  const next = async () => (await records.next()).value as LogRecord;
  await print(id, "stdout", "one\n");
  assert.equal(Buffer.from((await next()).data!, "base64").toString(), "one\n");
  await print(id, "stderr", "two\n");
  assert.deepEqual(
    { ...(await next()), at: "" },
    {
      cursor: "1:8",
      attempt: 1,
      stream: "stderr",
      offset: 4,
      at: "",
      data: Buffer.from("two\n").toString("base64"),
    },
  );
  await finish(id, 1);
  await attemptIs(id, 2);
  await node.started(id);
  await print(id, "stdout", "again\n", 2);
  const again = await next();
  assert.deepEqual([again.attempt, again.cursor], [2, "2:6"]);
  await finish(id, 0, 2);
  assert.deepEqual(await next(), { cursor: "2:6", attempt: 2, offset: 6, end: true });
  assert.equal((await records.next()).done, true);
  assert.equal((await readPlain(id)).toString(), "one\ntwo\nagain\n");
  assert.equal((await readPlain(id, "?attempt=1")).toString(), "one\ntwo\n");
  assert.equal((await readPlain(id, "?after=1:4")).toString(), "two\nagain\n");
  assert.equal((await readPlain(id, "?tail_bytes=1000")).toString(), "again\n");
  assert.equal((await read(id, "?attempt=1")).at(-1)!.end, true);
});

test("a follower may come before the job has started", async () => {
  const { jobs } = await api.submit({ jobs: [{ name: "later", command: ["true"], delay_ms: 50 }] });
  const { id } = jobs[0]!;
  const records = follow(id);
  const first = records.next();
  await attemptIs(id, 1);
  await node.started(id);
  await print(id, "stdout", "hi\n");
  assert.equal(((await first).value as LogRecord).cursor, "1:3");
  await finish(id);
  assert.equal(((await records.next()).value as LogRecord).end, true);
});

/** How many bytes of this job's log were read from the store, from now on. */
function countReads(jobId: string): { readonly bytes: number } {
  const { logs } = api.parts;
  const read = logs.read.bind(logs);
  const count = { bytes: 0 };
  logs.read = async function* (ref, from) {
    for await (const piece of read(ref, from)) {
      if (ref.jobId === jobId) count.bytes += piece.data.length;
      yield piece;
    }
  };
  return count;
}

test("a viewer that stalls costs the master little, and others nothing", async () => {
  const id = await startJob("flood");
  const chunk = Buffer.alloc(128 * 1024, 120);
  const stalled = connect(api.port, "127.0.0.1");
  stalled.pause();
  stalled.on("error", () => undefined);
  stalled.write(
    `GET /api/v1/jobs/${id}/logs?follow=true HTTP/1.1\r\nhost: x\r\nauthorization: Bearer titan_${"t".repeat(43)}\r\n\r\n`,
  );
  await within("a connection", once(stalled, "connect"));
  const drawn = countReads(id);
  for (let i = 0; i < 800; i++) await print(id, "stdout", chunk);
  await finish(id);
  const [end] = [...api.sockets].filter(({ remotePort }) => remotePort === stalled.localPort);
  assert.ok(end !== undefined);
  await eventually("the connection is full", () => end.writableNeedDrain);
  const whole = (await readPlain(id)).length;
  assert.equal(whole, 800 * chunk.length);
  // Not the process's memory: that is mostly what the test itself has printed and nobody has collected yet.
  const inBase64 = ((drawn.bytes - whole) * 4) / 3;
  const held = inBase64 - (end.bytesWritten - end.writableLength);
  assert.ok(held < 1024 * 1024, `${held} bytes for a viewer that takes nothing of 100 MiB`);
  stalled.destroy();
});

test("a cursor and an end cannot both be asked for", async () => {
  const id = await startJob("both");
  for (const query of [
    "?after=1:0&tail_bytes=5",
    "?after=2:0&attempt=1",
    "?after=0:0",
    "?attempt=0",
    "?tail_bytes=0",
  ]) {
    const { status, body } = await api.call<Problem>("GET", `/api/v1/jobs/${id}/logs${query}`);
    assert.equal(status, 400, query);
    assert.equal(body.code, "bad-field", query);
  }
});
