import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { encodeFrame } from "@titan/protocol/link";
import { WebSocket } from "ws";
import type { Engine } from "../engine/engine.ts";
import type { EngineSettings } from "../engine/settings.ts";
import { exited, newJob, openEngine, PAYLOAD, payloadsOf, SILENT, submit } from "../engine/testing.ts";
import { LogStore } from "../logs/log-store.ts";
import { within } from "../testing/deadline.ts";
import { NodeLink } from "./node-link.ts";
import { listen, RawNode } from "./raw-node.ts";

interface Fixture {
  readonly engine: Engine;
  readonly logs: LogStore;
  readonly port: number;
  connect(): Promise<RawNode>;
  /** Connected and welcomed. */
  join(id: string): Promise<RawNode>;
}

async function withLink(
  test: (fixture: Fixture) => Promise<void>,
  settings: Partial<EngineSettings> = {},
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "titan-link-"));
  const { engine, close } = await openEngine(join(folder, "titan.db"), settings);
  const logs = new LogStore(join(folder, "logs"));
  const link = new NodeLink(engine, logs, SILENT);
  const { server, port } = await listen();
  link.attach(server, (request: IncomingMessage) => request.headers.authorization === "good");
  const nodes: RawNode[] = [];
  const connect = () => {
    const node = new RawNode(port);
    nodes.push(node);
    return node.open();
  };
  const joinAs = async (id: string) => {
    const node = await connect();
    node.hello(id);
    await node.next("welcome");
    return node;
  };
  try {
    await test({ engine, logs, port, connect, join: joinAs });
  } finally {
    for (const node of nodes) node.kill();
    link.close();
    server.close();
    await close();
    await logs.close();
    await rm(folder, { recursive: true });
  }
}

/** Resolves when the engine has committed something that makes this true. */
async function until(engine: Engine, is: () => boolean): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = () => (is() ? resolve() : undefined);
  const stop = engine.onCommitted(look);
  look();
  try {
    await within(`a commit after which ${is}`, promise);
  } finally {
    stop();
  }
}

/** Short enough to be waited for, long against the pauses of a loaded machine. */
const LEASE_MS = 1_500;
const BEAT_MS = 100;

async function refusal(port: number, path: string, token: string): Promise<number> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers: { authorization: token } });
  socket.on("error", () => undefined);
  const [, response] = (await once(socket, "unexpected-response")) as [unknown, IncomingMessage];
  socket.terminate();
  return response.statusCode ?? 0;
}

it("turns away whoever has no token or asks for another address", () =>
  withLink(async ({ port }) => {
    assert.equal(await refusal(port, "/api/v1/link", "bad"), 401);
    assert.equal(await refusal(port, "/api/v1/other", "good"), 404);
  }));

it("runs a job without output: start order, report, forget", () =>
  withLink(async ({ engine, logs, join: joinAs }) => {
    const node = await joinAs("n1");
    const job = newJob("abcdefghijkl", { requirement: { ...newJob("x").requirement, gpus: 1 } });
    await engine.execute(submit(job), { payloads: payloadsOf([job]) });
    const { devices, payload, number, name } = await node.next("start");
    assert.deepEqual([number, name, devices.map(({ index }) => index), payload], [1, job.id, [0], PAYLOAD]);
    node.report({ ...exited(job.id), state: "running", exit: null, exitedAt: null, logBytes: null });
    node.report(exited(job.id));
    await node.next("forget", ({ jobId }) => jobId === job.id);
    assert.equal((await engine.job(job.id))?.state, "succeeded");
    assert.equal(await logs.size({ jobId: job.id, number: 1 }), 0);
  }));

it("ends a job only when the last byte of its log is held, whichever comes first", () =>
  withLink(async ({ engine, logs, join: joinAs }) => {
    const node = await joinAs("n1");
    const jobs = [newJob("early"), newJob("late")];
    await engine.execute(submit(...jobs), { payloads: payloadsOf(jobs) });
    for (const _ of jobs) await node.next("start");
    const logBytes = { stdout: 5, stderr: 3, titan: 0 };
    node.log("early", "stdout", 0, "hello");
    node.log("early", "stderr", 0, "err");
    assert.equal((await node.next("logged", ({ stream }) => stream === "stdout")).offset, 5);
    node.report(exited("early", 1, undefined, logBytes));
    await node.next("forget", ({ jobId }) => jobId === "early");

    node.report(exited("late", 1, undefined, logBytes));
    node.log("late", "stdout", 0, "hello");
    await node.next("logged", ({ jobId }) => jobId === "late");
    assert.equal(engine.state.attempts.get("late")?.state, "exited");
    node.log("late", "stderr", 0, "err");
    await node.next("forget", ({ jobId }) => jobId === "late");
    assert.deepEqual(await logs.held({ jobId: "late", number: 1 }), logBytes);
    assert.equal((await engine.job("late"))?.state, "succeeded");
  }));

it("tells a node that comes back what is wanted and how much of the logs it holds", () =>
  withLink(async ({ engine, connect, join: joinAs }) => {
    const first = await joinAs("n1");
    const jobs = ["run", "new", "gone"].map((id) => newJob(id));
    await engine.execute(submit(...jobs), { payloads: payloadsOf(jobs) });
    for (const _ of jobs) await first.next("start");
    const running = {
      ...exited("run"),
      state: "running",
      exit: null,
      exitedAt: null,
      logBytes: null,
    } as const;
    first.send({ t: "report", report: running }, { t: "report", report: { ...running, jobId: "gone" } });
    first.log("run", "stdout", 0, "abc");
    await first.next("logged");
    first.kill();
    await until(engine, () => engine.state.nodes.get("n1")?.connected === false);

    const second = await connect();
    const whole = { stdout: 3, stderr: 0, titan: 0 };
    second.hello("n1", { attempts: [exited("run", 1, undefined, whole), exited("unknown", 7)] });
    const { attempts, leaseMs } = await second.next("welcome");
    assert.equal(leaseMs, engine.settings.leaseMs);
    assert.deepEqual(attempts, [
      { jobId: "run", number: 1, logged: whole },
      { jobId: "new", number: 1, logged: { stdout: 0, stderr: 0, titan: 0 } },
    ]);
    // What it never got is sent again, read from the store; what it had and lost has ended; what was whole ends now.
    assert.equal((await second.next("start")).jobId, "new");
    await until(engine, () => !engine.state.jobs.has("run"));
    assert.equal((await engine.job("gone"))?.exit?.cause, "node-lost");
    assert.equal((await engine.job("run"))?.state, "succeeded");
  }));

it("refuses another version, a node that is there, and a name that is taken", () =>
  withLink(async ({ engine, connect, join: joinAs }) => {
    const ask = async (id: string, more: object) => {
      const node = await connect();
      node.hello(id, more);
      const { code } = await node.next("refuse");
      await node.closed();
      return code;
    };
    assert.equal(await ask("n1", { oldest: 90, newest: 99 }), "version-mismatch");
    const first = await joinAs("n1");
    assert.equal(await ask("n1", {}), "state-in-use");
    assert.equal(await ask("n2", { name: "n1" }), "state-in-use");
    assert.equal(engine.state.nodes.get("n1")?.connected, true);
    assert.deepEqual([...engine.state.nodes.keys()], ["n1"]);
    first.send({ t: "beat" });
    await first.next("beat");
    first.kill();
    await until(engine, () => engine.state.nodes.get("n1")?.connected === false);
    await joinAs("n1");
  }));

it("takes a second connection of the same agent in place of the first", () =>
  withLink(async ({ engine, connect }) => {
    const [first, second, other] = [await connect(), await connect(), await connect()];
    first.hello("n1", { instance: "one" });
    await first.next("welcome");
    second.hello("n1", { instance: "one" });
    await second.next("welcome");
    await first.closed();
    assert.equal(engine.state.nodes.get("n1")?.connected, true);
    other.hello("n1", { instance: "two" });
    assert.equal((await other.next("refuse")).code, "state-in-use");
    second.send({ t: "beat" });
    await second.next("beat");
  }));

it("answers heartbeats, and holds a node without them for silent after the lease", () =>
  withLink(
    async ({ engine, join: joinAs }) => {
      const [quiet, lively] = [await joinAs("quiet"), await joinAs("lively")];
      lively.beat(BEAT_MS);
      await quiet.closed();
      assert.ok(lively.heard.some(({ t }) => t === "beat"));
      await until(engine, () => engine.state.nodes.get("quiet")?.connected === false);
      assert.equal(engine.state.nodes.get("lively")?.connected, true);
    },
    { leaseMs: LEASE_MS },
  ));

it("tells a node to forget what is not its business any more, and keeps nothing of it", () =>
  withLink(async ({ engine, logs, join: joinAs }) => {
    const [one, two] = [await joinAs("n1"), await joinAs("n2")];
    const job = newJob("job", { requirement: { ...newJob("x").requirement, cpuMillis: 4_000 } });
    await engine.execute(submit(job), { payloads: payloadsOf([job]) });
    const owner = engine.state.attempts.get("job")?.nodeId;
    const other = owner === "n1" ? two : one;
    other.log("job", "stdout", 0, "not mine");
    assert.equal((await other.next("forget")).jobId, "job");
    other.log("../../etc/x", "stdout", 0, "nobody's");
    assert.equal((await other.next("forget")).jobId, "../../etc/x");
    other.report(exited("job"));
    assert.equal((await other.next("forget")).jobId, "job");
    assert.equal(await logs.size({ jobId: "job", number: 1 }), 0);
    assert.equal(engine.state.attempts.get("job")?.state, "starting");
  }));

it("a stop never overtakes its start", () =>
  withLink(
    async ({ engine, join: joinAs }) => {
      const node = await joinAs("n1");
      const job = newJob("job");
      await engine.execute(submit(job), { payloads: payloadsOf([job]) });
      await engine.execute({ type: "cancel", jobIds: ["job"], cause: "cancelled" });
      await node.next("stop");
      const order = node.heard.map(({ t }) => t).filter((t) => t === "start" || t === "stop");
      assert.deepEqual(order, ["start", "stop"]);
    },
    { payloadCacheBytes: 0 },
  ));

it("ends a job whose payload is gone, and the log of a lost attempt says how far it goes", () =>
  withLink(
    async ({ engine, logs, join: joinAs }) => {
      const node = await joinAs("n1");
      node.beat(BEAT_MS);
      await engine.execute(submit(newJob("empty")));
      const ended = await engine.waitForJob("empty", 10_000);
      assert.equal(ended?.exit?.cause, "launch-failed");
      const job = newJob("lost", { retry: { max: 1, backoffMs: 60_000 } });
      await engine.execute(submit(job), { payloads: payloadsOf([job]) });
      await node.next("start");
      node.log("lost", "stdout", 0, "so far");
      await node.next("logged");
      const noted = new Promise<void>((resolve) => logs.onAppend({ jobId: "lost", number: 1 }, resolve));
      node.kill();
      await within("a note in the log", noted);
      let text = "";
      for await (const { data } of logs.read({ jobId: "lost", number: 1 }, 6)) text += data;
      assert.match(text, /^\[titan\] lost after byte 6: .*silent/);
    },
    { leaseMs: LEASE_MS },
  ));

it("closes the connection of a node that talks nonsense, and no other", () =>
  withLink(async ({ engine, connect, join: joinAs }) => {
    const good = await joinAs("good");
    const nonsense: Uint8Array[] = [
      Buffer.from("GET / HTTP/1.1\r\n\r\n"),
      encodeFrame([{ t: "report" }] as never),
      encodeFrame([{ t: "hello" }] as never),
      encodeFrame([{ t: "constructor" }] as never),
      encodeFrame([null] as never),
    ];
    for (const frame of nonsense) {
      const node = await connect();
      node.socket.send(frame);
      await node.next("refuse");
      await node.closed();
    }
    const joined = await joinAs("bad");
    joined.send({ t: "report", report: { ...exited("x"), number: "1" } } as never);
    await joined.closed();
    await until(engine, () => engine.state.nodes.get("bad")?.connected === false);
    good.send({ t: "beat" });
    await good.next("beat");
  }));
