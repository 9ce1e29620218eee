import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, it } from "node:test";
import { exerciseStore } from "../conformance/exercise-store.ts";
import { batch, job, node } from "../conformance/rows.ts";
import { StoreError, type StoreErrorCode } from "../store-error.ts";
import { NO_POSTGRES } from "../testing/postgres-server.ts";
import { openPostgresStore } from "./open.ts";
import { SCHEMA_VERSION } from "./schema.ts";
import { TestPostgres } from "./testing.ts";

const isCode = (code: StoreErrorCode) => (error: unknown) =>
  error instanceof StoreError && error.code === code;

describe("postgres", { skip: NO_POSTGRES }, () => {
  const postgres = new TestPostgres();
  exerciseStore("postgres", async () => {
    const schema = postgres.newSchema();
    return {
      open: () => postgres.write(schema),
      dispose: () => postgres.sql(`DROP SCHEMA ${schema} CASCADE`).then(() => undefined),
    };
  });
  describe("term", () => exerciseTerm(postgres));
  describe("schema", () => exerciseSchema(postgres));

  it("takes texts that PostgreSQL has no form for, with a replacement for what it cannot hold", async () => {
    const store = await postgres.write(postgres.newSchema());
    await store.commit(batch({ jobs: [job("a", 1, { note: "a\0b\ud800c" })] }));
    assert.equal((await store.job("a"))?.note, "a\ufffdb\ufffdc");
    assert.deepEqual(await store.jobs({ limit: 1, name: "\0" }), []);
    await store.close();
  });
});

function exerciseTerm(postgres: TestPostgres): void {
  it("without one a store reads and does not write", async () => {
    const schema = postgres.newSchema();
    const writer = await postgres.write(schema);
    await writer.commit(batch({ jobs: [job("a", 1)] }));
    const reader = await postgres.read(schema);
    assert.equal(reader.term, null);
    assert.equal((await reader.load(0)).lastSeq, 1);
    await assert.rejects(reader.commit(batch({ jobs: [job("b", 2)] })), isCode("deposed"));
    await assert.rejects(reader.putUpload("u", "[]", 1), isCode("deposed"));
    await writer.commit(batch({ jobs: [job("c", 3)] }));
    await Promise.all([writer.close(), reader.close()]);
  });

  it("of another store ends this one's, whatever this one does", async () => {
    const schema = postgres.newSchema();
    const [first, second] = [await postgres.write(schema), await postgres.read(schema)];
    await first.commit(batch({ jobs: [job("a", 1)] }));
    assert.ok((await second.acquireTerm()) > first.term!);
    for (let i = 0; i < 2; i++) {
      await assert.rejects(first.commit(batch({ jobs: [job("b", 2)] })), isCode("deposed"));
      await assert.rejects(first.commit(batch({ nodes: [node("n")] })), isCode("deposed"));
      await assert.rejects(first.putUpload("u", "[]", 1), isCode("deposed"));
      assert.equal((await first.load(0)).lastSeq, 1);
    }
    await second.commit(batch({ jobs: [job("b", 2)] }));
    assert.deepEqual(await first.jobIds("", 9), ["a", "b"]);
    assert.deepEqual((await first.load(0)).nodes, []);
    assert.equal(await second.upload("u"), null);
    await first.acquireTerm();
    await first.commit(batch({ jobs: [job("c", 3)] }));
    await assert.rejects(second.commit(batch({ jobs: [job("d", 4)] })), isCode("deposed"));
    await Promise.all([first.close(), second.close()]);
  });

  it("is acquired by one after the other, never the same by two", async () => {
    const schema = postgres.newSchema();
    const stores = await Promise.all(Array.from({ length: 8 }, () => postgres.read(schema)));
    const terms = await Promise.all(stores.map((store) => store.acquireTerm()));
    assert.deepEqual(
      terms.toSorted((a, b) => a - b),
      [1, 2, 3, 4, 5, 6, 7, 8],
    );
    const outcomes = await Promise.allSettled(
      stores.map((store, at) => store.commit(batch({ jobs: [job(`j${at}`, at + 1)] }))),
    );
    const written = outcomes.flatMap(({ status }, at) => (status === "fulfilled" ? [terms[at]] : []));
    assert.deepEqual(written, [8]);
    await Promise.all(stores.map((store) => store.close()));
  });
}

function exerciseSchema(postgres: TestPostgres): void {
  it("of a newer version is refused and left as it is", async () => {
    const schema = postgres.newSchema();
    await (await postgres.write(schema)).close();
    await postgres.sql(`UPDATE ${schema}.version SET version = ${SCHEMA_VERSION + 1}`);
    await assert.rejects(postgres.read(schema), isCode("newer-schema"));
    const found = await postgres.sql(`SELECT version FROM ${schema}.version`);
    assert.deepEqual(found, [{ version: SCHEMA_VERSION + 1 }]);
  });

  it("has the tables of one store, beside whatever else the database holds", async () => {
    const one = await postgres.write(postgres.newSchema());
    const other = await postgres.write(postgres.newSchema());
    await one.commit(batch({ jobs: [job("a", 1)] }));
    assert.deepEqual(await other.counts(), {});
    await Promise.all([one.close(), other.close()]);
    await assert.rejects(postgres.read('x"; DROP'), RangeError);
    assert.deepEqual(await postgres.sql("SELECT FROM pg_tables WHERE schemaname = 'public'"), []);
  });

  it("is not made in a database that cannot hold every text", async () => {
    await postgres.sql("CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0");
    const url = postgres.server.url.replace("/postgres?", "/ascii?");
    await assert.rejects(openPostgresStore(url), isCode("not-a-store"));
  });

  it("makes every commit durable, even where the database is set to answer before that", async () => {
    await postgres.sql("CREATE DATABASE hasty");
    await postgres.sql("ALTER DATABASE hasty SET synchronous_commit = off");
    await postgres.sql("ALTER DATABASE postgres SET synchronous_commit = remote_apply");
    for (const [database, expected] of [
      ["hasty", "on"],
      ["postgres", "remote_apply"],
    ]) {
      const url = postgres.server.url.replace("/postgres?", `/${database}?`);
      const { connect } = await import("./connections.ts");
      const { writes, reads } = await connect(url, "durable", 1_000);
      assert.equal((await writes.query("SHOW synchronous_commit")).rows[0].synchronous_commit, expected);
      await Promise.all([writes.end(), reads.end()]);
    }
  });
}

it("a user of another store does not load the driver", () => {
  const probe = `const { registerHooks } = await import("node:module");
    let loaded = 0;
    registerHooks({ load: (url, context, next) => { if (/node_modules.pg./.test(url)) loaded++; return next(url, context); } });
    const { openPostgresStore, openSqliteStore } = await import("@titan/store");
    await (await openSqliteStore(":memory:")).close();
    if (loaded > 0) throw new Error("loaded by the import");
    await openPostgresStore("postgres://127.0.0.1:1/none").catch(() => undefined);
    if (loaded === 0) throw new Error("the probe sees nothing");`;
  execFileSync(process.execPath, ["--input-type=module", "-e", probe], {
    cwd: import.meta.dirname,
    stdio: "pipe",
  });
});
