/** Addresses, queries, content types and tokens that are wrong. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Problem } from "@titan/protocol";
import { type ApiFixture, openApi } from "../testing/api-fixture.ts";

let api: ApiFixture;
before(async () => {
  api = await openApi();
});
after(() => api.close());

const sha256 = "0".repeat(64);

const addresses: [string, string, number, string][] = [
  ["GET", "/", 404, "not-found"],
  ["GET", "/api/v1/job", 404, "not-found"],
  ["GET", "/api/v1/jobs/", 404, "job-not-found"],
  ["GET", "/api/v1/%ff", 400, "bad-request"],
  ["GET", `/api/v1/${"x".repeat(5_000)}`, 404, "not-found"],
  ["DELETE", "/api/v1/jobs", 405, "method-not-allowed"],
  ["PUT", "/api/v1/jobs/abc", 405, "method-not-allowed"],
  ["GET", "/api/v1/jobs/abc/cancel", 405, "method-not-allowed"],
  ["GET", "/api/v1/jobs?limit=0", 400, "bad-field"],
  ["GET", "/api/v1/jobs?limit=-1", 400, "bad-field"],
  ["GET", "/api/v1/jobs?limit=1e12", 400, "bad-field"],
  ["GET", "/api/v1/jobs?limit=x", 400, "bad-field"],
  ["GET", "/api/v1/jobs?limit=1&limit=2", 400, "bad-field"],
  ["GET", "/api/v1/jobs?cursor=forged", 400, "bad-field"],
  ["GET", "/api/v1/jobs?cursor=-1", 400, "bad-field"],
  ["GET", "/api/v1/jobs?state=dead", 400, "bad-field"],
  ["GET", "/api/v1/jobs?states=waiting", 400, "unknown-field"],
  ["GET", "/api/v1/jobs/abcdefghijkl?wait=1", 400, "unknown-field"],
  ["GET", "/api/v1/jobs/abcdefghijkl?wait_ms=99999999", 400, "bad-field"],
  ["GET", "/api/v1/nodes?x=1", 400, "unknown-field"],
  ["GET", "/api/v1/jobs/abcdefghijkl/logs?after=x", 400, "bad-field"],
  ["GET", "/api/v1/jobs/abcdefghijkl/logs?stream=both", 400, "bad-field"],
  ["GET", "/api/v1/blobs/xyz", 400, "bad-field"],
  ["GET", `/api/v1/blobs/${sha256}`, 404, "not-found"],
  ["GET", "/api/v1/uploads/..", 404, "not-found"],
  ["GET", "/api/v1/uploads/a%2fb", 400, "bad-field"],
  ["GET", "/api/v1/uploads/none", 404, "upload-not-found"],
];
for (const [method, path, status, code] of addresses) {
  test(`${method} ${path.slice(0, 60)} is ${status} ${code}`, async () => {
    const answer = await api.call<Problem>(method, path);
    assert.equal(answer.status, status, JSON.stringify(answer.body));
    assert.equal(answer.body.code, code);
    if (status === 405) assert.ok(answer.headers.get("allow"));
  });
}

test("a word that is near is offered in a query too", async () => {
  const { body } = await api.call<Problem>("GET", "/api/v1/jobs?stat=waiting");
  assert.match(body.detail, /Did you mean state\?/);
  const state = await api.call<Problem>("GET", "/api/v1/jobs?state=runing");
  assert.match(state.body.detail, /Did you mean running\?/);
});

test("another content type is refused with what would do", async () => {
  for (const type of [
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "nonsense",
  ]) {
    const { status, body } = await api.call<Problem>("POST", "/api/v1/jobs", "{}", { "content-type": type });
    assert.equal(status, 400, type);
    assert.match(body.detail, /content type/i, type);
  }
});

test("without the right token nothing is answered but health", async () => {
  const paths = [
    "/api/v1/jobs",
    "/api/v1/info",
    "/api/v1/openapi.json",
    "/metrics",
    "/nowhere",
    "/api/v1/owners/x/session",
  ];
  for (const path of paths) {
    for (const authorization of [
      "",
      "Bearer",
      "Bearer wrong",
      `Basic ${"x".repeat(100)}`,
      `Bearer ${"x".repeat(4_000)}`,
    ]) {
      const response = await fetch(api.url + path, {
        headers: authorization === "" ? {} : { authorization },
      });
      const problem = (await response.json()) as Problem;
      assert.equal(response.status, 401, path);
      assert.equal(problem.code, "unauthorized");
      assert.equal(response.headers.get("www-authenticate"), "Bearer");
    }
  }
  assert.deepEqual(await (await fetch(`${api.url}/healthz`)).json(), { ok: true, version: "0.1.0" });
});
