/** What the tests of this folder share. */
import assert from "node:assert/strict";
import { after, before } from "node:test";
import pg from "pg";
import { batch, job } from "../conformance/rows.ts";
import type { Batch, FencedStore, Store } from "../store.ts";
import { type PostgresServer, startPostgres } from "../testing/postgres-server.ts";
import { openPostgresStore } from "./open.ts";

/** The server of a test file, and what it is asked for. Make one inside a `describe`: it starts and stops with that. */
export class TestPostgres {
  server!: PostgresServer;
  #schemas = 0;

  constructor() {
    before(async () => {
      this.server = await startPostgres();
    });
    after(() => this.server.stop());
  }

  newSchema(): string {
    return `place_${++this.#schemas}`;
  }

  read(schema: string): Promise<FencedStore> {
    return openPostgresStore(this.server.url, { schema });
  }

  async write(schema: string, url = this.server.url, commitTimeoutMs = 20_000): Promise<FencedStore> {
    const store = await openPostgresStore(url, { schema, commitTimeoutMs });
    await store.acquireTerm();
    return store;
  }

  async connect(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: this.server.url });
    await client.connect();
    return client;
  }

  sql(text: string): Promise<unknown[]> {
    return this.server.sql(text);
  }
}

export function batchOfTen(after: number): Batch {
  const seqs = Array.from({ length: 10 }, (_, at) => after + at + 1);
  return batch({
    jobs: seqs.map((seq) => job(`j${seq}`, seq)),
    payloads: seqs.map((seq) => ({ jobId: `j${seq}`, payload: String(seq) })),
  });
}

/** The store has batches of ten from the first on, each whole, and at least what was acknowledged. Returns how many jobs. */
export async function assertWholeBatches(store: Store, acknowledged: number): Promise<number> {
  const { jobs, lastSeq } = await store.load(0);
  assert.ok(lastSeq >= acknowledged, `${lastSeq} of ${acknowledged} acknowledged`);
  assert.equal(lastSeq % 10, 0);
  assert.deepEqual(
    jobs.map(({ seq }) => seq),
    Array.from({ length: lastSeq }, (_, at) => at + 1),
  );
  assert.equal((await store.payloads(jobs.map(({ id }) => id))).size, lastSeq);
  return lastSeq;
}
