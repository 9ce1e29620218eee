import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { PipelineView, Problem, Upload } from "@titan/protocol";
import { type ApiFixture, openApi } from "../testing/api-fixture.ts";

let api: ApiFixture;
before(async () => {
  api = await openApi();
});
after(() => api.close());

const hashOf = (data: Uint8Array) => createHash("sha256").update(data).digest("hex");
const put = (sha256: string, body: Buffer | string, type?: string) =>
  api.fetch(`/api/v1/blobs/${sha256}`, {
    method: "PUT",
    body,
    headers: type === undefined ? {} : { "content-type": type },
  });

test("content goes up and comes down as it is, of any type and size", async () => {
  for (const [size, type] of [
    [0, undefined],
    [5, "text/plain"],
    [3 * 1024 * 1024, "application/json"],
  ] as const) {
    const data = randomBytes(size);
    const sha256 = hashOf(data);
    assert.equal((await api.fetch(`/api/v1/blobs/${sha256}`, { method: "HEAD" })).status, 404);
    assert.equal((await put(sha256, data, type)).status, 201);
    assert.equal((await put(sha256, data, type)).status, 200);
    assert.equal((await api.fetch(`/api/v1/blobs/${sha256}`, { method: "HEAD" })).status, 200);
    assert.deepEqual(Buffer.from(await (await api.fetch(`/api/v1/blobs/${sha256}`)).arrayBuffer()), data);
  }
});

test("content under another hash is refused and not kept", async () => {
  const sha256 = hashOf(Buffer.from("this"));
  const response = await put(sha256, "that");
  assert.equal(response.status, 400);
  assert.equal(((await response.json()) as Problem).code, "blob-mismatch");
  assert.equal((await api.fetch(`/api/v1/blobs/${sha256}`, { method: "HEAD" })).status, 404);
  const folder = join(api.folder, "blobs");
  assert.ok(!existsSync(folder) || readdirSync(folder).every((name) => /^[0-9a-f]{2}$/.test(name)));
});

test("what is missing is told once each", async () => {
  const there = Buffer.from("there");
  await put(hashOf(there), there);
  const missing = "f".repeat(64);
  const { body } = await api.call("POST", "/api/v1/blobs/missing", {
    sha256: [missing, hashOf(there), missing],
  });
  assert.deepEqual(body, { missing: [missing] });
});

test("files are kept under a name, if their content is there", async () => {
  const data = Buffer.from("print(1)");
  const files = [{ path: "a.py", sha256: hashOf(data), size: data.length }];
  const early = await api.call<Problem>("PUT", "/api/v1/uploads/code", { name: "code", files });
  assert.equal(early.body.code, "unknown-blob");
  assert.equal(early.body.field, "files[0].sha256");
  await put(files[0]!.sha256, data);
  assert.equal((await api.call("PUT", "/api/v1/uploads/code", { name: "code", files })).status, 200);
  assert.deepEqual((await api.call<Upload>("GET", "/api/v1/uploads/code")).body, { name: "code", files });
  assert.equal(
    (await api.call<Problem>("PUT", "/api/v1/uploads/code", { name: "other", files })).body.field,
    "name",
  );
});

test("a pipeline file is read, or refused with its line", async () => {
  for (const type of ["text/plain", "application/yaml", "text/yaml; charset=utf-8"]) {
    const { status, body } = await api.call<PipelineView>(
      "POST",
      "/api/v1/yaml",
      "jobs: [{id: a, file: a.py}]",
      { "content-type": type },
    );
    assert.equal(status, 200);
    assert.equal(body.jobs[0]!.id, "a");
  }
  const bad = await api.call<Problem>("POST", "/api/v1/yaml", "jobs:\n  - {id: a, fil: a.py}\n", {
    "content-type": "application/yaml",
  });
  assert.equal(bad.status, 400);
  assert.equal(bad.body.code, "bad-yaml");
  assert.match(
    bad.body.detail,
    /^line 2, column 13: There is no field "fil" in jobs\[0\]\. Did you mean file\?/,
  );
  const large = await api.call<Problem>("POST", "/api/v1/yaml", `# ${"x".repeat(2 * 1024 * 1024)}`, {
    "content-type": "text/plain",
  });
  assert.equal(large.status, 413);
});
