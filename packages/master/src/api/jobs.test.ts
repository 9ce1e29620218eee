import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { JobDetail, JobView, RunView, Submitted } from "@titan/protocol";
import { type ApiFixture, openApi } from "../testing/api-fixture.ts";

let api: ApiFixture;
before(async () => {
  api = await openApi();
});
after(() => api.close());

const job = (name: string, more: object = {}) => ({ name, command: ["true"], ...more });
type Page = { jobs: JobView[]; next: string | null };

test("a job is taken, shown and explained", async () => {
  const answer = await api.call<Submitted>("POST", "/api/v1/jobs", {
    jobs: [job("first", { memory: "1.5G", cpus: 0.29, gpu_model: "A100", env: { A: "1" } })],
  });
  assert.equal(answer.status, 201);
  const [{ id, name }] = answer.body.jobs as [{ id: string; name: string }];
  assert.match(id, /^[a-z0-9]{12}$/);
  assert.equal(name, "first");
  assert.equal(answer.body.run, null);
  const { body } = await api.call<JobDetail>("GET", `/api/v1/jobs/${id}`);
  assert.equal(body.state, "waiting");
  assert.deepEqual(body.requirement, {
    cpus: 0.29,
    memory: 1.5 * 1024 ** 3,
    gpus: 1,
    gpu_model: "A100",
    gpu_memory: 0,
    labels: {},
  });
  assert.equal(body.priority, 1);
  assert.match(body.reason, /no node/);
  const why = await api.call<{ reason: string; possible: boolean }>("GET", `/api/v1/jobs/${id}/why`);
  assert.equal(why.body.possible, false);
  assert.equal(why.body.reason, body.reason);
  const payloads = await api.parts.store.payloads([id]);
  assert.deepEqual(JSON.parse(payloads.get(id)!), {
    command: ["true"],
    script: null,
    args: [],
    env: { A: "1" },
    python: null,
    files: [],
  });
});

test("defaults and presets are what the contract says", async () => {
  const { jobs } = await api.submit({
    jobs: [
      job("plain"),
      job("gpu", { requirement: "GPU" }),
      job("mem", { requirement: "HIGH_MEM" }),
      job("label", { requirement: "fast" }),
    ],
  });
  const rows = await Promise.all(jobs.map(({ id }) => api.parts.engine.job(id)));
  assert.deepEqual(
    rows.map((row) => [
      row!.requirement.cpuMillis,
      row!.requirement.memoryBytes,
      row!.requirement.gpus,
      row!.requirement.labels,
    ]),
    [
      [1000, 0, 0, {}],
      [1000, 0, 1, {}],
      [1000, 16 * 1024 ** 3, 0, {}],
      [1000, 0, 0, { fast: "true" }],
    ],
  );
  const { graceMs, priority, retry, timeoutMs, queueTimeoutMs, delayMs, affinity } = rows[0]!;
  assert.deepEqual(
    { graceMs, priority, retry, timeoutMs, queueTimeoutMs, delayMs, affinity },
    {
      graceMs: 5000,
      priority: 1,
      retry: { max: 0, backoffMs: 1000 },
      timeoutMs: null,
      queueTimeoutMs: null,
      delayMs: 0,
      affinity: "none",
    },
  );
});

test("parents are found in the batch, then the run, then by id", async () => {
  const run = { id: "parents", series: "s" };
  const first = await api.submit({ run, jobs: [job("a"), job("b", { parents: ["a"] })] });
  const [a, b] = first.jobs.map(({ id }) => id) as [string, string];
  const other = await api.submit({ jobs: [job("elsewhere")] });
  const second = await api.submit({
    run,
    jobs: [
      job("a"),
      job("c", { parents: ["a", "b", other.jobs[0]!.id], upstream: ["b", "nowhere"], affinity: true }),
    ],
  });
  const c = await api.call<JobDetail>("GET", `/api/v1/jobs/${second.jobs[1]!.id}`);
  assert.deepEqual(c.body.parents, [second.jobs[0]!.id, b, other.jobs[0]!.id]);
  assert.notEqual(second.jobs[0]!.id, a);
  assert.equal(c.body.affinity, true);
  assert.equal(c.body.series, "s");
  assert.deepEqual((await api.parts.engine.job(c.body.id))!.upstream, [b]);
});

test("a run without an id gets one", async () => {
  const { run } = await api.submit({ run: {}, jobs: [job("x")] });
  assert.match(run!, /^[a-z0-9]{12}$/);
});

test("ids may be shortened, as long as they are one job's", async () => {
  const { jobs } = await api.submit({ jobs: [job("short")] });
  const { id } = jobs[0]!;
  for (const text of [id, id.slice(0, 11), id.slice(0, 9)]) {
    assert.equal((await api.call<JobDetail>("GET", `/api/v1/jobs/${text}`)).body.id, id);
  }
  for (const text of [
    "zz",
    id.slice(0, 2),
    `${id}x`,
    id.toUpperCase(),
    "-",
    "%2e%2e%2f",
    "%00",
    "🚀",
    "a".repeat(500),
  ]) {
    const { status, body } = await api.call<{ code: string }>("GET", `/api/v1/jobs/${text}`);
    assert.equal(status, 404, text);
    assert.equal(body.code, "job-not-found", text);
  }
});

test("the start of several ids is told to be so", async () => {
  // 5,000 ids over 46,656 starts of three letters: some two share theirs.
  const { jobs } = await api.submit({
    run: { id: "many" },
    jobs: Array.from({ length: 5_000 }, (_, i) => job(`m${i}`)),
  });
  const starts = new Map<string, number>();
  for (const { id } of jobs) starts.set(id.slice(0, 3), (starts.get(id.slice(0, 3)) ?? 0) + 1);
  const shared = [...starts].find(([, count]) => count > 1)![0];
  const { status, body } = await api.call<{ code: string; detail: string }>("GET", `/api/v1/jobs/${shared}`);
  assert.equal(status, 409);
  assert.equal(body.code, "ambiguous-id");
  assert.match(body.detail, new RegExp(shared));
  await api.call("POST", "/api/v1/runs/many/cancel");
});

test("lists go newest first, page by page, each job once", async () => {
  const names = Array.from({ length: 25 }, (_, i) => `p${i}`);
  await api.submit({ run: { id: "pages" }, jobs: names.map((name) => job(name)) });
  const seen: string[] = [];
  let cursor: string | null = null;
  do {
    const page: Page = (
      await api.call<Page>(
        "GET",
        `/api/v1/jobs?run=pages&limit=10${cursor === null ? "" : `&cursor=${cursor}`}`,
      )
    ).body;
    seen.push(...page.jobs.map(({ name }) => name));
    cursor = page.next;
  } while (cursor !== null);
  assert.deepEqual(seen, names.toReversed());
  const exact = await api.call<Page>("GET", "/api/v1/jobs?run=pages&limit=25");
  assert.equal(exact.body.next, null);
  const named = await api.call<Page>("GET", "/api/v1/jobs?name=DAG-p7&run=pages");
  assert.deepEqual(
    named.body.jobs.map(({ name }) => name),
    ["p7"],
  );
});

test("a job that runs and ends is seen to; waiters hear of it", async () => {
  const waiting = await api.submit({
    run: { id: "lives" },
    jobs: [job("ok"), job("bad"), job("after", { parents: ["bad"] })],
  });
  const [ok, bad, after] = waiting.jobs.map(({ id }) => id) as [string, string, string];
  const heard = api.call<JobDetail>("GET", `/api/v1/jobs/${ok}?wait_ms=30000`);
  const run = api.call<RunView>("GET", "/api/v1/runs/lives?wait_ms=30000");
  const node = await api.join("big", { cpuMillis: 1_000_000 });
  await node.started(ok);
  const running = await api.call<JobDetail>("GET", `/api/v1/jobs/${ok}`);
  assert.equal(running.body.state, "running");
  assert.equal(running.body.node, "big");
  assert.match(running.body.reason, /running on big/);
  await node.started(bad);
  await node.exited(bad, { code: 3 });
  await node.exited(ok);
  const end = (await heard).body;
  assert.equal(end.state, "succeeded");
  assert.equal(end.reason, "");
  assert.equal(end.exit_code, 0);
  assert.equal(end.attempts.length, 1);
  assert.equal((await run).body.state, "failed");
  const failed = await api.call<JobDetail>("GET", `/api/v1/jobs/${bad}`);
  assert.equal(failed.body.reason, "exited with code 3");
  const orphan = await api.call<JobDetail>("GET", `/api/v1/jobs/${after}`);
  assert.equal(orphan.body.state, "failed");
  assert.equal(orphan.body.cause, "parent-failed");
  assert.match(orphan.body.reason, /bad/);
  assert.deepEqual((await api.call<RunView>("GET", "/api/v1/runs/lives")).body, {
    id: "lives",
    state: "failed",
    counts: { succeeded: 1, failed: 2 },
  });
});

test("a wait that is over answers with what there is", async () => {
  const { jobs } = await api.submit({ jobs: [job("slow", { gpus: 1000 })] });
  const { status, body } = await api.call<JobDetail>("GET", `/api/v1/jobs/${jobs[0]!.id}?wait_ms=20`);
  assert.equal(status, 200);
  assert.equal(body.state, "waiting");
});

test("cancel ends what waits, and is no error twice", async () => {
  const { jobs } = await api.submit({ jobs: [job("doomed", { gpus: 1000 })] });
  const path = `/api/v1/jobs/${jobs[0]!.id}/cancel`;
  for (const _ of [1, 2]) {
    const { status, body } = await api.call<JobDetail>("POST", path);
    assert.equal(status, 202);
    assert.equal(body.state, "cancelled");
    assert.equal(body.cause, "cancelled");
  }
});

test("a run is cancelled whole; one that does not exist is told", async () => {
  await api.submit({ run: { id: "doomed" }, jobs: [job("a", { gpus: 1000 }), job("b", { parents: ["a"] })] });
  const { status, body } = await api.call<RunView>("POST", "/api/v1/runs/doomed/cancel");
  assert.equal(status, 202);
  assert.deepEqual(body, { id: "doomed", state: "cancelled", counts: { cancelled: 2 } });
  for (const [method, path] of [
    ["GET", "/api/v1/runs/none"],
    ["POST", "/api/v1/runs/none/cancel"],
  ] as const) {
    const answer = await api.call<{ code: string }>(method, path);
    assert.equal(answer.status, 404);
    assert.equal(answer.body.code, "run-not-found");
  }
});

test("a POST without a body may carry a form's content type", async () => {
  const { jobs } = await api.submit({ jobs: [job("form", { gpus: 1000 })] });
  const { status } = await api.call("POST", `/api/v1/jobs/${jobs[0]!.id}/cancel`, "", {
    "content-type": "application/x-www-form-urlencoded",
  });
  assert.equal(status, 202);
});

test("nodes are listed with what is used of them", async () => {
  const { body } = await api.call<{ nodes: { name: string; state: string; cpus: number }[] }>(
    "GET",
    "/api/v1/nodes",
  );
  assert.deepEqual(
    body.nodes.map(({ name, state, cpus }) => ({ name, state, cpus })),
    [{ name: "big", state: "up", cpus: 1000 }],
  );
});
