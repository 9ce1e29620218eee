/** What is lost on the way: the writer, its connection, the answer, the term. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, it } from "node:test";
import { batch, job } from "../conformance/rows.ts";
import type { FencedStore } from "../store.ts";
import { NO_POSTGRES, startPostgres } from "../testing/postgres-server.ts";
import { openPostgresStore } from "./open.ts";
import { assertWholeBatches, batchOfTen, TestPostgres } from "./testing.ts";
import { Wire } from "./wire.ts";

describe("postgres, faults", { skip: NO_POSTGRES }, () => {
  const postgres = new TestPostgres();

  it("has every acknowledged batch, and only whole ones, after a crash of the server", async () => {
    const own = await startPostgres();
    const store = await openPostgresStore(own.url);
    await store.acquireTerm();
    let acknowledged = 0;
    let crash: Promise<void> | null = null;
    await assert.rejects(async () => {
      for (; ; acknowledged += 10) {
        await store.commit(batchOfTen(acknowledged));
        if (acknowledged === 500) crash = own.crash();
      }
    });
    await crash;
    const found = await assertWholeBatches(store, acknowledged);
    await store.commit(batchOfTen(found));
    await store.close();
    await own.stop();
  });

  describe("a lost connection", () => exerciseWire(postgres));

  it("has every acknowledged batch, and only whole ones, after kill -9 of the writer", async () => {
    const schema = postgres.newSchema();
    const args = [join(import.meta.dirname, "writer-process.ts"), postgres.server.url, schema];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    let acknowledged = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      acknowledged = Number(line);
      if (acknowledged === 1_000) child.kill("SIGKILL");
    }
    if (child.signalCode === null) await once(child, "exit");
    assert.equal(child.signalCode, "SIGKILL");
    assert.ok(acknowledged >= 1_000);
    const store = await postgres.write(schema);
    const found = await assertWholeBatches(store, acknowledged);
    await store.commit(batchOfTen(found));
    await store.close();
  });

  it("has every acknowledged batch, and only whole ones, however often the connection is cut", async () => {
    const schema = postgres.newSchema();
    const store = await postgres.write(schema);
    const cutter = await postgres.connect();
    let [acknowledged, cuts, over] = [0, 0, false];
    const cutting = (async () => {
      while (!over) {
        await cutter.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE application_name = 'titan' AND state = 'active' AND query LIKE 'WITH current%'`,
        );
      }
    })();
    while (cuts < 25) {
      try {
        await store.commit(batchOfTen(acknowledged));
        acknowledged += 10;
      } catch {
        cuts += 1;
        // As the engine does: what the store has now is where it goes on.
        const { lastSeq } = await store.load(0);
        assert.ok(lastSeq >= acknowledged);
        acknowledged = lastSeq;
      }
    }
    over = true;
    await cutting;
    await cutter.end();
    await assertWholeBatches(store, acknowledged);
    await store.close();
  });
});

function exerciseWire(postgres: TestPostgres): void {
  const throughWire = async (
    commitTimeoutMs: number,
    test: (store: FencedStore, wire: Wire, schema: string) => Promise<void>,
  ) => {
    const schema = postgres.newSchema();
    const wire = new Wire(postgres.server.socket);
    await wire.listen();
    const store = await postgres.write(schema, postgres.server.urlIn(wire.folder), commitTimeoutMs);
    try {
      await test(store, wire, schema);
    } finally {
      wire.close();
      await store.close();
    }
  };

  it("a commit that is still at work when its connection is lost is over before anything is loaded", () =>
    throughWire(20_000, async (store, wire, schema) => {
      await store.commit(batch({ jobs: [job("a", 1)] }));
      const other = await postgres.connect();
      await other.query(`BEGIN; SELECT FROM ${schema}.jobs FOR UPDATE`);
      const committed = store.commit(batch({ jobs: [job("a", 1, { note: "late" }), job("b", 2)] }));
      const outcome = assert.rejects(committed);
      await waiting(postgres, "WITH current%");
      wire.cut();
      await outcome;
      const loaded = store.load(0);
      await waiting(postgres, "UPDATE leader%");
      await other.query("COMMIT");
      await other.end();
      assert.deepEqual(
        (await loaded).jobs.map(({ id, note }) => [id, note]),
        [
          ["a", "late"],
          ["b", ""],
        ],
      );
      await store.commit(batch({ jobs: [job("c", 3)] }));
    }));

  it("a commit that comes to work only after a load is void", () =>
    throughWire(20_000, async (store, wire, schema) => {
      const other = await postgres.connect();
      // Held back before it has looked at the term: a table's lock is taken first.
      await other.query(`BEGIN; LOCK TABLE ${schema}.jobs IN EXCLUSIVE MODE`);
      const outcome = assert.rejects(store.commit(batch({ jobs: [job("a", 1)] })));
      await waiting(postgres, "WITH current%");
      wire.cut();
      await outcome;
      assert.equal((await store.load(0)).lastSeq, 0);
      await other.query("COMMIT");
      await other.end();
      await store.commit(batch({ jobs: [job("b", 1)] }));
      assert.deepEqual(await store.jobIds("", 9), ["b"]);
    }));

  it("an answer that never comes is an unknown outcome, and the next commit works", () =>
    throughWire(200, async (store, wire) => {
      await store.commit(batch({ jobs: [job("a", 1)] }));
      wire.swallow(true);
      await assert.rejects(store.commit(batch({ jobs: [job("b", 2)] })), /timeout/);
      wire.swallow(false);
      assert.equal((await store.load(0)).lastSeq, 1);
      await store.commit(batch({ jobs: [job("c", 2)] }));
    }));
}

/** Until a statement like this waits for a lock. */
async function waiting(postgres: TestPostgres, statement: string): Promise<void> {
  const sql = `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '${statement}'`;
  const deadline = performance.now() + 10_000;
  while ((await postgres.sql(sql)).length === 0) {
    assert.ok(performance.now() < deadline, `nothing like ${statement} waits for a lock`);
  }
}
