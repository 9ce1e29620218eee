/** A whole master over PostgreSQL, and what becomes of it when the database goes to another, or away. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { JobDetail, Submitted } from "@titan/protocol";
import { TitanError } from "@titan/protocol";
import { NO_POSTGRES, type PostgresServer, startPostgres } from "@titan/store/testing";
import { type Master, startMaster } from "./server.ts";

const isCode = (code: string) => (error: unknown) => error instanceof TitanError && error.code === code;

describe("master over postgres", { skip: NO_POSTGRES }, () => {
  let server: PostgresServer;
  const folder = mkdtempSync(join(tmpdir(), "titan-master-"));
  before(async () => {
    server = await startPostgres();
  });
  after(async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  const start = (name: string, storeUrl = server.url) =>
    startMaster({
      host: "127.0.0.1",
      port: 0,
      stateDir: join(folder, name),
      stateHome: join(folder, "home"),
      logLevel: "silent",
      storeUrl,
    });
  const ask = (master: Master, path: string, body?: object) =>
    fetch(`${master.url}/api/v1${path}`, {
      headers: { authorization: `Bearer ${master.token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
    });
  const submit = (master: Master) => ask(master, "/jobs", { jobs: [{ name: "kept", command: ["true"] }] });

  it("is deposed by the next one, which has everything that was acknowledged", async () => {
    const first = await start("first");
    const taken = (await (await submit(first)).json()) as Submitted;
    const second = await start("second");
    assert.equal((await submit(first)).status, 503);
    assert.ok(isCode("state-in-use")(await first.failed));
    await first.close();
    const detail = (await (await ask(second, `/jobs/${taken.jobs[0]!.id}`)).json()) as JobDetail;
    assert.equal(detail.name, "kept");
    assert.equal((await submit(second)).status, 201);
    await second.close();
  });

  it("says what is wrong with a database that it cannot have, without the password", async () => {
    const wrong = `postgres://titan:hunter2@/nowhere?host=${server.url.split("host=")[1]}`;
    const noServer = "postgres://titan:hunter2@127.0.0.1:1/titan";
    for (const url of [wrong, noServer, "mysql://titan:hunter2@db/titan"]) {
      await assert.rejects(start("third", url), (error) => {
        assert.ok(error instanceof TitanError);
        assert.equal(error.code, "usage");
        assert.doesNotMatch(error.message + error.hint, /hunter2/);
        return true;
      });
    }
  });

  it("goes on when the database has crashed and is back", async () => {
    const own = await startPostgres();
    const master = await start("back", own.url);
    const taken = (await (await submit(master)).json()) as Submitted;
    const crash = own.crash();
    await submit(master);
    await crash;
    const deadline = performance.now() + 15_000;
    let again = await submit(master);
    while (again.status === 503 && performance.now() < deadline) again = await submit(master);
    assert.equal(again.status, 201);
    assert.equal((await ask(master, `/jobs/${taken.jobs[0]!.id}`)).status, 200);
    await master.close();
    await own.stop();
  });

  it("answers unknown and ends in time while the database is away", async () => {
    const own = await startPostgres();
    const master = await start("away", own.url);
    assert.equal((await submit(master)).status, 201);
    await own.stop();
    assert.equal((await submit(master)).status, 503);
    const closing = performance.now();
    await master.close();
    const took = performance.now() - closing;
    assert.ok(took < 2_500, `${took} ms`);
  });
});
