import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { JobView, Problem, Submitted } from "@titan/protocol";
import { type ApiFixture, openApi } from "../testing/api-fixture.ts";

let api: ApiFixture;
before(async () => {
  api = await openApi();
});
after(() => api.close());

const body = (name: string) => ({ run: { id: name }, jobs: [{ name, command: ["true"] }] });
const post = (key: string, what: object) =>
  api.call<Submitted>("POST", "/api/v1/jobs", what, { "idempotency-key": key });
const count = async (run: string) =>
  (await api.call<{ jobs: JobView[] }>("GET", `/api/v1/jobs?run=${run}`)).body.jobs.length;

test("the same key and body get the same answer, once", async () => {
  const first = await post("once", body("once"));
  const second = await post("once", body("once"));
  assert.equal(second.status, 201);
  assert.deepEqual(second.body, first.body);
  assert.equal(first.headers.get("idempotency-replayed"), null);
  assert.equal(second.headers.get("idempotency-replayed"), "true");
  assert.equal(await count("once"), 1);
});

test("many at the same time are one submission", async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, () => post("many", body("many"))));
  assert.equal(new Set(answers.map((answer) => answer.body.jobs[0]!.id)).size, 1);
  assert.equal(await count("many"), 1);
});

test("the same key for another body is refused, at the same time too", async () => {
  const [one, other] = await Promise.all([post("clash", body("clash")), post("clash", body("crash"))]);
  assert.deepEqual([one.status, other.status].toSorted(), [201, 409]);
  const late = await api.call<Problem>("POST", "/api/v1/jobs", body("late"), { "idempotency-key": "clash" });
  assert.equal(late.body.code, "idempotency-conflict");
  assert.equal((await count("clash")) + (await count("crash")), 1);
});

test("a key whose submission was refused may be used again", async () => {
  const bad = await api.call<Problem>(
    "POST",
    "/api/v1/jobs",
    { jobs: [{ name: "x", command: ["true"], parents: ["none"] }] },
    { "idempotency-key": "again" },
  );
  assert.equal(bad.body.code, "unknown-parent");
  assert.equal((await post("again", body("again"))).status, 201);
});

test("a key must be one", async () => {
  for (const key of ["", "k".repeat(257)]) {
    const { status, body: problem } = await api.call<Problem>("POST", "/api/v1/jobs", body("x"), {
      "idempotency-key": key,
    });
    assert.equal(status, 400);
    assert.match(problem.field!, /idempotency-key/);
  }
});
