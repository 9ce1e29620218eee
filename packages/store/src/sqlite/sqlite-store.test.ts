import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { describe, it } from "node:test";
import { exerciseStore, type StorePlace } from "../conformance/exercise-store.ts";
import { StoreError } from "../store-error.ts";
import { SCHEMA_VERSION } from "./schema.ts";
import { openSqliteStore } from "./sqlite-store.ts";

async function place(): Promise<StorePlace & { path: string }> {
  const folder = await mkdtemp(join(tmpdir(), "titan-store-"));
  const path = join(folder, "titan.db");
  return { path, open: () => openSqliteStore(path), dispose: () => rm(folder, { recursive: true }) };
}

exerciseStore("sqlite", place);

describe("sqlite file", () => {
  it("is used by one process at a time", async () => {
    const here = await place();
    const first = await here.open();
    await assert.rejects(here.open(), (error) => error instanceof StoreError && error.code === "in-use");
    await first.close();
    await (await here.open()).close();
    await here.dispose();
  });

  it("of a newer version is refused and left as it is", async () => {
    const here = await place();
    await (await here.open()).close();
    const db = new DatabaseSync(here.path);
    db.exec(`PRAGMA user_version = ${SCHEMA_VERSION + 1}`);
    db.close();
    await assert.rejects(
      here.open(),
      (error) => error instanceof StoreError && error.code === "newer-schema",
    );
    const after = new DatabaseSync(here.path);
    assert.equal(after.prepare("PRAGMA user_version").get()?.user_version, SCHEMA_VERSION + 1);
    after.close();
    await here.dispose();
  });

  it("that is none is refused", async () => {
    const here = await place();
    await writeFile(here.path, "this is not a database, whatever its name is".repeat(100));
    await assert.rejects(here.open(), (error) => error instanceof StoreError && error.code === "not-a-store");
    await here.dispose();
  });

  it("has every acknowledged batch, and only whole ones, after kill -9", async () => {
    const here = await place();
    const child = spawn(process.execPath, [join(import.meta.dirname, "writer-process.ts"), here.path], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let acknowledged = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      acknowledged = Number(line);
      if (acknowledged === 2_000) child.kill("SIGKILL");
    }
    if (child.signalCode === null) await once(child, "exit");
    assert.equal(child.signalCode, "SIGKILL");
    assert.ok(acknowledged >= 2_000);
    const store = await here.open();
    const { jobs, lastSeq } = await store.load(0);
    assert.ok(lastSeq >= acknowledged, `${lastSeq} of ${acknowledged} acknowledged`);
    assert.equal(lastSeq % 10, 0);
    assert.deepEqual(
      jobs.map(({ seq }) => seq),
      Array.from({ length: lastSeq }, (_, at) => at + 1),
    );
    const payloads = await store.payloads(jobs.map(({ id }) => id));
    assert.equal(payloads.size, lastSeq);
    await store.close();
    await here.dispose();
  });
});
