/** The engine over PostgreSQL: the same as over SQLite, and what only a store behind a connection can do to it. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Effect } from "@titan/core";
import { TitanError } from "@titan/protocol";
import { openPostgresStore } from "@titan/store";
import { NO_POSTGRES, type PostgresServer, startPostgres } from "@titan/store/testing";
import type { Engine } from "./engine.ts";
import { exited, newJob, newNode, openEngine, payloadsOf, submit } from "./testing.ts";

const joined = { type: "node-joined", node: newNode("n"), attempts: [] } as const;
const isUnknown = (error: unknown) => error instanceof TitanError && error.code === "commit-unknown";

describe("engine over postgres", { skip: NO_POSTGRES }, () => {
  let server: PostgresServer;
  before(async () => {
    server = await startPostgres();
  });
  after(() => server.stop());

  const leading = (schema: string) => async () => {
    const store = await openPostgresStore(server.url, { schema });
    await store.acquireTerm();
    return store;
  };
  /** Every attempt that is started ends at once, well. */
  const endWhatStarts = (engine: Engine) => {
    engine.setEffectSink((effect: Effect) => {
      if (effect.type !== "start") return;
      engine.offer({ type: "report", nodeId: "n", report: exited(effect.job.id, effect.job.attempt) });
    });
  };

  it("takes jobs from submit over place and report to their end, across a restart", async () => {
    const first = await openEngine(leading("whole"));
    const started: string[] = [];
    first.engine.setEffectSink((effect) => effect.type === "start" && started.push(effect.job.id));
    const jobs = Array.from({ length: 60 }, (_, at) =>
      newJob(`j${at}`, { runId: "r", parents: at >= 50 ? [`j${at - 50}`] : [] }),
    );
    await first.engine.execute(joined);
    await first.engine.execute(submit(...jobs), { payloads: payloadsOf(jobs) });
    assert.deepEqual(started, ["j0", "j1", "j2", "j3"]);
    await first.engine.execute({ type: "report", nodeId: "n", report: exited("j0") });
    assert.equal((await first.engine.job("j0"))?.state, "succeeded");
    const before = first.engine.state;
    await first.close();

    const { engine, store, close } = await openEngine(leading("whole"));
    assert.deepEqual([...engine.state.jobs], [...before.jobs]);
    assert.deepEqual(engine.state.attempts, before.attempts);
    endWhatStarts(engine);
    await engine.execute(joined);
    const counts = await engine.waitForRun("r", 20_000);
    assert.deepEqual(counts, { waiting: 0, running: 0, succeeded: 60, failed: 0, cancelled: 0 });
    assert.equal((await store.payloads(jobs.map(({ id }) => id))).size, 60);
    assert.equal((await store.attempts("j59")).length, 1);
    await close();
  });

  it("answers unknown when the connection is cut, loads, and goes on where the store is", async () => {
    const { engine, store, close } = await openEngine(leading("cut"));
    let jobs = 0;
    let unknown = 0;
    const acknowledged: string[] = [];
    await engine.execute(joined);
    const cutting = cutCommits(server, () => unknown >= 5);
    while (unknown < 5) {
      const id = `j${++jobs}`;
      try {
        await engine.execute(submit(newJob(id)));
        acknowledged.push(id);
      } catch (error) {
        assert.ok(isUnknown(error));
        unknown += 1;
      }
    }
    await cutting;
    const stored = await store.jobIds("", jobs);
    assert.deepEqual(
      acknowledged.filter((id) => !stored.includes(id)),
      [],
    );
    // What was never answered may be stored too, and is then a job like any other. The node comes back as it was cut
    // off: with nothing, so what it had is lost, and what has not started yet starts.
    endWhatStarts(engine);
    await engine.execute(joined);
    for (const id of stored) {
      const job = await engine.waitForJob(id, 20_000);
      assert.ok(job !== null && job.finishedAt !== null, `${id} is ${job?.state}`);
    }
    await close();
  });
});

/** Ends the connections of commits at the server, wherever one is at work just then. */
async function cutCommits(server: PostgresServer, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    await server.sql(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE application_name = 'titan' AND state = 'active' AND query LIKE 'WITH current%'`,
    );
  }
}
