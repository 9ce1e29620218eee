import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { it } from "node:test";
import { TitanError } from "@titan/protocol";
import { BlobStore } from "./blob-store.ts";

const sha256 = (data: Buffer) => createHash("sha256").update(data).digest("hex");

async function withBlobs(test: (blobs: BlobStore, folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "titan-blobs-"));
  try {
    await test(new BlobStore(folder), folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function content(stream: Readable | null): Promise<Buffer | null> {
  return stream === null ? null : buffer(stream);
}

it("keeps content under its hash, an empty one too, once or twice", () =>
  withBlobs(async (blobs) => {
    const large = randomBytes(1_000_000);
    for (const data of [large, Buffer.alloc(0), large]) {
      assert.equal(await blobs.put(sha256(data), Readable.from([data])), data.length);
      assert.equal(await blobs.has(sha256(data)), true);
      assert.deepEqual(await content(blobs.read(sha256(data))), data);
    }
  }));

it("refuses content of another hash and leaves nothing of it, nor of a stream that breaks", () =>
  withBlobs(async (blobs, folder) => {
    const sha = sha256(Buffer.from("this"));
    await assert.rejects(
      blobs.put(sha, Readable.from([Buffer.from("that")])),
      (error) => error instanceof TitanError && error.code === "blob-mismatch",
    );
    const broken = Readable.from(
      (function* () {
        yield Buffer.from("th");
        throw new Error("connection lost");
      })(),
    );
    await assert.rejects(blobs.put(sha, broken), /connection lost/);
    assert.equal(await blobs.has(sha), false);
    assert.equal(blobs.read(sha), null);
    const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) =>
      entry.isFile(),
    );
    assert.deepEqual(files, []);
  }));

it("takes away what a killed master left unfinished, and nothing else", () =>
  withBlobs(async (blobs, folder) => {
    const data = Buffer.from("whole");
    await blobs.put(sha256(data), Readable.from([data]));
    await writeFile(join(folder, "unfinished-1"), "half");
    const again = new BlobStore(folder);
    assert.deepEqual(await readdir(folder), [sha256(data).slice(0, 2)]);
    assert.equal(await again.has(sha256(data)), true);
  }));

it("says which are missing, each once, in the order asked", () =>
  withBlobs(async (blobs) => {
    const shas = Array.from({ length: 40 }, (_, at) => sha256(Buffer.from(String(at))));
    for (const at of [3, 17]) await blobs.put(shas[at]!, Readable.from([Buffer.from(String(at))]));
    const missing = await blobs.missing([...shas, ...shas]);
    assert.deepEqual(
      missing,
      shas.filter((_, at) => at !== 3 && at !== 17),
    );
  }));

it("takes nothing but a hash for a name", () =>
  withBlobs(async (blobs) => {
    for (const name of [
      "",
      "..",
      "../../etc/passwd",
      "A".repeat(64),
      `${"a".repeat(64)}\n`,
      "a".repeat(63),
    ]) {
      assert.throws(
        () => blobs.path(name),
        (error) => error instanceof TitanError && error.code === "bad-field",
      );
      await assert.rejects(blobs.has(name), TitanError);
    }
  }));
