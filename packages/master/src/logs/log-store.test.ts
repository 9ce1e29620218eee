import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { appendFile, mkdtemp, readdir, readFile, rm, stat, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { TitanError } from "@titan/protocol";
import type { LogStream } from "@titan/protocol/link";
import { type LogPiece, LogStore } from "./log-store.ts";

const REF = { jobId: "abcdefghijkl", number: 1 };

async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "titan-logs-"));
  try {
    await test(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Appends text at the end of what this stream was given so far. */
function writerOf(logs: LogStore, ref = REF) {
  const given = { stdout: 0, stderr: 0, titan: 0 };
  return (stream: LogStream, data: string | Buffer, at = 1) => {
    const bytes = Buffer.from(data);
    const offset = given[stream];
    given[stream] += bytes.length;
    return logs.append(ref, { stream, offset, at, data: bytes });
  };
}

async function pieces(logs: LogStore, from = 0, ref = REF): Promise<LogPiece[]> {
  const found: LogPiece[] = [];
  for await (const piece of logs.read(ref, from)) found.push(piece);
  return found;
}

const textOf = (found: LogPiece[]) =>
  found.map(({ stream, offset, at, data }) => [stream, offset, at, String(data)]);

it("gives back the exact pieces, in the order they came, from any offset, after a restart too", () =>
  withFolder(async (folder) => {
    const logs = new LogStore(folder);
    const write = writerOf(logs);
    const replies = await Promise.all([
      write("stdout", "one\n", 1.5),
      write("stderr", "zwei", 2),
      write("titan", "3", 3),
      write("stdout", Buffer.from([0xff, 0, 0xc3]), 4),
    ]);
    assert.deepEqual(replies.at(-1), { stdout: 7, stderr: 4, titan: 1 });
    for (const now of [logs, new LogStore(folder)]) {
      const all = await pieces(now);
      assert.deepEqual(textOf(all.slice(0, 3)), [
        ["stdout", 0, 1.5, "one\n"],
        ["stderr", 4, 2, "zwei"],
        ["titan", 8, 3, "3"],
      ]);
      assert.deepEqual(all[3]?.data, Buffer.from([0xff, 0, 0xc3]));
      assert.deepEqual(textOf(await pieces(now, 6)).slice(0, 2), [
        ["stderr", 6, 2, "ei"],
        ["titan", 8, 3, "3"],
      ]);
      assert.deepEqual(await pieces(now, 12), []);
      assert.deepEqual(await now.held(REF), { stdout: 7, stderr: 4, titan: 1 });
      assert.equal(await now.size(REF), 12);
    }
    await logs.close();
  }));

it("makes nothing for an attempt without output", () =>
  withFolder(async (folder) => {
    const logs = new LogStore(folder);
    assert.deepEqual(await logs.held(REF), { stdout: 0, stderr: 0, titan: 0 });
    assert.deepEqual(await logs.append(REF, { stream: "stdout", offset: 0, at: 1, data: Buffer.alloc(0) }), {
      stdout: 0,
      stderr: 0,
      titan: 0,
    });
    assert.deepEqual(await pieces(logs), []);
    assert.equal(await logs.tail(REF, 10), 0);
    assert.deepEqual(await readdir(folder), []);
    await logs.close();
  }));

it("skips what it holds, wholly or in part, and refuses a gap", () =>
  withFolder(async (folder) => {
    const logs = new LogStore(folder);
    const put = (offset: number, text: string) =>
      logs.append(REF, { stream: "stdout", offset, at: 1, data: Buffer.from(text) });
    // Not awaited one by one: what is on its way counts as well as what is written.
    const replies = await Promise.all([put(0, "abcd"), put(0, "abcd"), put(2, "cdef"), put(6, "gh")]);
    assert.equal(replies.at(-1)?.stdout, 8);
    await assert.rejects(put(9, "x"), (error) => error instanceof TitanError && error.code === "bad-request");
    assert.equal((await put(1, "bc")).stdout, 8);
    const found = await pieces(logs);
    assert.equal(Buffer.concat(found.map(({ data }) => data)).toString(), "abcdefgh");
    await logs.close();
  }));

it("cuts a torn end off: bytes without a record, half a record, a record without its bytes", () =>
  withFolder(async (folder) => {
    const base = join(folder, REF.jobId, String(REF.number));
    const first = new LogStore(folder);
    const write = writerOf(first);
    await write("stdout", "whole");
    await write("stderr", "gone");
    await first.close();

    await appendFile(`${base}.log`, "torn bytes");
    await appendFile(`${base}.idx`, Buffer.alloc(7));
    const second = new LogStore(folder);
    assert.deepEqual(await second.held(REF), { stdout: 5, stderr: 4, titan: 0 });
    assert.equal((await stat(`${base}.log`)).size, 9);
    assert.equal((await stat(`${base}.idx`)).size, 32);
    await second.close();

    await truncate(`${base}.log`, 7);
    const third = new LogStore(folder);
    assert.deepEqual(await third.held(REF), { stdout: 5, stderr: 0, titan: 0 });
    const more = await third.append(REF, { stream: "stderr", offset: 0, at: 2, data: Buffer.from("again") });
    assert.deepEqual(more, { stdout: 5, stderr: 5, titan: 0 });
    assert.equal(await readFile(`${base}.log`, "utf8"), "wholeagain");
    assert.deepEqual(textOf(await pieces(third)), [
      ["stdout", 0, 1, "whole"],
      ["stderr", 5, 2, "again"],
    ]);
    await third.close();
  }));

it("finds the tail at a boundary of pieces, far behind many of them", () =>
  withFolder(async (folder) => {
    const logs = new LogStore(folder);
    const write = writerOf(logs);
    await Promise.all(Array.from({ length: 3_000 }, (_, line) => write("stdout", `line ${line}\n`)));
    const size = await logs.size(REF);
    const from = await logs.tail(REF, 25);
    const lines = (await pieces(logs, from)).map(({ data }) => String(data));
    assert.deepEqual(lines, ["line 2998\n", "line 2999\n"]);
    assert.equal(from, size - 20);
    assert.equal(await logs.tail(REF, size), 0);
    assert.equal(await logs.tail(REF, 3), size - 10, "a piece is not cut, so the last one is given whole");
    const middle = await pieces(logs, from - 10_000);
    assert.equal(
      middle.reduce((sum, { data }) => sum + data.length, 0),
      10_020,
    );
    await logs.close();
  }));

it("tells followers of bytes of their attempt, once they can be read", () =>
  withFolder(async (folder) => {
    const logs = new LogStore(folder);
    const heard: number[] = [];
    const stop = logs.onAppend(REF, () => logs.size(REF).then((size) => heard.push(size)));
    const write = writerOf(logs);
    await write("stdout", "a");
    await writerOf(logs, { jobId: "another", number: 1 })("stdout", "zz");
    await write("stdout", "b");
    stop();
    await write("stdout", "c");
    assert.deepEqual(heard, [1, 2]);
    await logs.close();
  }));

it("keeps 100 MB of several attempts exact, with few open files", () =>
  withFolder(async (folder) => {
    const logs = new LogStore(folder);
    const refs = Array.from({ length: 100 }, (_, at) => ({ jobId: `job${at}`, number: 1 }));
    const chunk = randomBytes(128 * 1024);
    const write = refs.map((ref) => writerOf(logs, ref));
    for (let round = 0; round < 8; round++) {
      await Promise.all(write.map((append, at) => append(at % 2 === 0 ? "stdout" : "stderr", chunk)));
    }
    const open = (await readdir("/proc/self/fd").catch(() => [])).length;
    assert.ok(open < 220, `${open} open files`);
    const expected = createHash("sha256");
    for (let round = 0; round < 8; round++) expected.update(chunk);
    const digest = expected.digest("hex");
    for (const ref of [refs[0]!, refs[99]!]) {
      const found = createHash("sha256");
      for await (const { data } of logs.read(ref, 0)) found.update(data);
      assert.equal(found.digest("hex"), digest);
    }
    await logs.close();
  }));

it("after a write that failed goes on from what is held", () =>
  withFolder(async (folder) => {
    const logs = new LogStore(join(folder, "logs"));
    const put = (offset: number, text: string) =>
      logs.append(REF, { stream: "stdout", offset, at: 1, data: Buffer.from(text) });
    // A file where the folder should be: the disk refuses.
    await appendFile(join(folder, "logs"), "");
    const first = put(0, "ab");
    // Comes while the first is on its way, and must not be written: its bytes would lie in the wrong place.
    const second = Promise.resolve().then(() => put(2, "cd"));
    const results = await Promise.allSettled([first, second]);
    assert.deepEqual(
      results.map(({ status }) => status),
      ["rejected", "rejected"],
    );
    await rm(join(folder, "logs"));
    await assert.rejects(put(2, "cd"), TitanError);
    assert.equal((await put(0, "abcd")).stdout, 4);
    assert.ok(existsSync(join(folder, "logs", REF.jobId, "1.log")));
    await logs.close();
  }));
