import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import type { JobDetail } from "@titan/protocol";
import { type ApiFixture, openApi } from "../testing/api-fixture.ts";

const opened: ApiFixture[] = [];
const folders: string[] = [];
afterEach(async () => {
  for (const api of opened.splice(0)) await api.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

async function open(folder?: string, ownerGraceMs = 60_000): Promise<ApiFixture> {
  const api = await openApi({ ownerGraceMs }, folder);
  opened.push(api);
  return api;
}

/** A job that no node can hold, so that only its owner decides. */
async function submit(api: ApiFixture, owner: { id: string; grace_ms?: number }): Promise<string> {
  const { jobs } = await api.submit({ owner, jobs: [{ name: "owned", command: ["true"], gpus: 1_000 }] });
  return jobs[0]!.id;
}

async function hold(api: ApiFixture, id: string): Promise<() => void> {
  const controller = new AbortController();
  const response = await api.fetch(`/api/v1/owners/${encodeURIComponent(id)}/session`, {
    signal: controller.signal,
  });
  assert.equal(response.status, 200);
  const { value } = await response.body!.getReader().read();
  assert.equal(Buffer.from(value!).toString(), "{}\n");
  return () => controller.abort();
}

const ended = async (api: ApiFixture, id: string, waitMs = 10_000) =>
  (await api.call<JobDetail>("GET", `/api/v1/jobs/${id}?wait_ms=${waitMs}`)).body;

test("an owner that never comes loses its jobs after its grace", async () => {
  const api = await open();
  const started = performance.now();
  const job = await ended(api, await submit(api, { id: "never", grace_ms: 150 }));
  assert.equal(job.state, "cancelled");
  assert.equal(job.cause, "owner-gone");
  assert.equal(job.owner, "never");
  assert.ok(performance.now() - started >= 140);
});

test("an open session keeps the jobs; closed, they go after the grace", async () => {
  const api = await open();
  const close = await hold(api, "step 1/é");
  const id = await submit(api, { id: "step 1/é", grace_ms: 100 });
  assert.equal((await ended(api, id, 250)).state, "waiting");
  close();
  assert.equal((await ended(api, id)).cause, "owner-gone");
});

test("an owner that comes back in time keeps them, and any one of its sessions is enough", async () => {
  const api = await open();
  const id = await submit(api, { id: "back", grace_ms: 400 });
  const first = await hold(api, "back");
  const second = await hold(api, "back");
  first();
  assert.equal((await ended(api, id, 500)).state, "waiting");
  second();
  const third = await hold(api, "back");
  assert.equal((await ended(api, id, 500)).state, "waiting");
  third();
  assert.equal((await ended(api, id)).state, "cancelled");
});

test("only the owner's own jobs go", async () => {
  const api = await open();
  const other = await submit(api, { id: "other", grace_ms: 60_000 });
  const none = (await api.submit({ jobs: [{ name: "free", command: ["true"], gpus: 1_000 }] })).jobs[0]!.id;
  await ended(api, await submit(api, { id: "gone", grace_ms: 50 }));
  assert.equal((await ended(api, other, 0)).state, "waiting");
  assert.equal((await ended(api, none, 0)).state, "waiting");
});

test("a restart of the master starts the grace afresh, and its absence does not count", async () => {
  const folder = mkdtempSync(join(tmpdir(), "titan-owners-"));
  folders.push(folder);
  const first = await open(folder);
  const id = await submit(first, { id: "o", grace_ms: 200 });
  await first.stop();
  const second = await open(folder, 300);
  assert.equal((await ended(second, id, 0)).state, "waiting");
  assert.equal((await ended(second, id)).cause, "owner-gone");
});
