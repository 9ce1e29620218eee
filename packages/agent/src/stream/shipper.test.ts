import assert from "node:assert/strict";
import { it } from "node:test";
import type { FromNode, LogStream } from "@titan/protocol/link";
import fc from "fast-check";
import { LogShipper, type LogSource } from "./shipper.ts";

type Log = FromNode & { t: "log" };

/** Files that grow as the test says. */
class Files implements LogSource {
  bytes = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0), titan: Buffer.alloc(0) };
  closed = 0;
  add(stream: LogStream, text: string | Buffer): void {
    this.bytes[stream] = Buffer.concat([this.bytes[stream], Buffer.from(text)]);
  }
  read(stream: LogStream, offset: number, into: Uint8Array): number {
    return this.bytes[stream].copy(into, 0, offset, offset + into.length);
  }
  close(): void {
    this.closed += 1;
  }
  totals() {
    return {
      stdout: this.bytes.stdout.length,
      stderr: this.bytes.stderr.length,
      titan: this.bytes.titan.length,
    };
  }
}

const NONE = { stdout: 0, stderr: 0, titan: 0 };

function setUp(windowBytes = 100, chunkBytes = 10) {
  const sent: Log[] = [];
  const send = (message: Log): void => void sent.push({ ...message, data: Buffer.from(message.data) });
  const failed = (): void => assert.fail();
  const shipper = new LogShipper({ windowBytes, chunkBytes, now: () => 1, send, failed });
  const track = (jobId: string): Files => {
    const files = new Files();
    shipper.track(`${jobId}.1`, { jobId, number: 1 }, files);
    return files;
  };
  return { shipper, sent, track };
}

it("sends nothing before the link is there, then everything in order", () => {
  const { shipper, sent, track } = setUp();
  track("a").add("stdout", "0123456789abcde");
  assert.equal(shipper.touch("a.1"), "blocked");
  shipper.resume(new Map([["a.1", NONE]]));
  assert.deepEqual(
    sent.map((m) => [m.offset, Buffer.from(m.data).toString()]),
    [
      [0, "0123456789"],
      [10, "abcde"],
    ],
  );
  assert.equal(shipper.touch("a.1"), "none");
});

it("stops at the window and goes on with each acknowledgement", () => {
  const { shipper, sent, track } = setUp(25, 10);
  track("a").add("stdout", "x".repeat(100));
  shipper.resume(new Map());
  const bytes = (): number => sent.reduce((sum, m) => sum + m.data.length, 0);
  assert.equal(bytes(), 25);
  shipper.acknowledged("a.1", "stdout", 10);
  assert.equal(bytes(), 35);
  shipper.acknowledged("a.1", "stdout", 10);
  shipper.acknowledged("a.1", "stdout", 99);
  assert.equal(bytes(), 35, "repeated and impossible acknowledgements change nothing");
});

it("gives each attempt its turn", () => {
  const { shipper, sent, track } = setUp(40, 10);
  for (const id of ["a", "b"]) track(id).add("stdout", "x".repeat(1000));
  shipper.resume(new Map());
  assert.deepEqual(
    sent.map((m) => m.jobId),
    ["a", "b", "a", "b"],
  );
});

it("goes on from what the master holds after a cut", () => {
  const { shipper, sent, track } = setUp();
  const files = track("a");
  files.add("stdout", "hello world");
  shipper.resume(new Map([["a.1", NONE]]));
  shipper.disconnected();
  files.add("stdout", "!");
  shipper.touch("a.1");
  sent.length = 0;
  shipper.resume(new Map([["a.1", { ...NONE, stdout: 6 }]]));
  assert.deepEqual(
    sent.map((m) => [m.offset, Buffer.from(m.data).toString()]),
    [[6, "world!"]],
  );
});

it("ends at the announced length, whatever becomes of the file", () => {
  const { shipper, sent, track } = setUp();
  const files = track("a");
  files.add("stdout", "abc");
  files.add("stderr", "too long");
  shipper.resume(new Map([["a.1", NONE]]));
  sent.length = 0;
  shipper.finish("a.1", { stdout: 5, stderr: 8, titan: 0 });
  assert.deepEqual(
    sent.map((m) => [m.stream, m.offset, [...m.data]]),
    [["stdout", 3, [0, 0]]],
  );
  files.add("stderr", " and more");
  shipper.touch("a.1");
  assert.equal(sent.length, 1, "nothing after the end");
  assert.ok(files.closed > 0);
});

it("frees the window of an attempt that is dropped", () => {
  const { shipper, sent, track } = setUp(10, 10);
  track("a").add("stdout", "x".repeat(50));
  track("b").add("stdout", "y");
  shipper.resume(new Map());
  assert.deepEqual(
    sent.map((m) => m.jobId),
    ["a"],
  );
  shipper.drop("a.1");
  assert.deepEqual(
    sent.map((m) => m.jobId),
    ["a", "b"],
  );
});

it("is exact under any order of writes, acknowledgements and cuts", () => {
  const op = fc.oneof(
    fc.record({
      op: fc.constant("write" as const),
      id: fc.nat(2),
      stream: fc.constantFrom("stdout" as const, "stderr" as const),
      size: fc.integer({ min: 1, max: 60 }),
    }),
    fc.record({ op: fc.constantFrom("ack" as const, "cut" as const) }),
  );
  fc.assert(
    fc.property(fc.array(op, { maxLength: 60 }), (ops) => {
      const { shipper, sent, track } = setUp(50, 16);
      const files = ["0", "1", "2"].map(track);
      const held = new Map<string, Buffer>();
      const of = (key: string, stream: LogStream): Buffer => held.get(`${key}/${stream}`) ?? Buffer.alloc(0);
      let byte = 0;
      const receive = (): void => {
        for (let message = sent.shift(); message !== undefined; message = sent.shift()) {
          const key = `${message.jobId}.1`;
          const before = of(key, message.stream);
          assert.equal(message.offset, before.length);
          held.set(`${key}/${message.stream}`, Buffer.concat([before, message.data]));
          shipper.acknowledged(key, message.stream, before.length + message.data.length);
        }
      };
      const reconnect = (): void => {
        sent.length = 0; // What was under way is lost.
        shipper.disconnected();
        const has = (key: string) => ({
          ...NONE,
          stdout: of(key, "stdout").length,
          stderr: of(key, "stderr").length,
        });
        shipper.resume(new Map(["0.1", "1.1", "2.1"].map((key) => [key, has(key)])));
      };
      reconnect();
      for (const each of ops) {
        if (each.op === "write") {
          files[each.id]?.add(each.stream, Buffer.alloc(each.size, byte++));
          shipper.touch(`${each.id}.1`);
          assert.ok(sent.reduce((sum, m) => sum + m.data.length, 0) <= 50);
        } else if (each.op === "ack") receive();
        else reconnect();
      }
      files.forEach((file, id) => void shipper.finish(`${id}.1`, file.totals()));
      receive();
      files.forEach((file, id) => {
        for (const stream of ["stdout", "stderr"] as const)
          assert.deepEqual(of(`${id}.1`, stream), file.bytes[stream]);
      });
      assert.ok(shipper.isEmpty());
    }),
  );
});
