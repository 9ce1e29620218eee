import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { LogRecord } from "@titan/protocol";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { type ApiFixture, openApi } from "../testing/api-fixture.ts";

interface Described {
  readonly operationId: string;
  readonly summary: string;
  readonly responses: Record<string, { content?: Record<string, { schema: object }> }>;
}
interface Document {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, Described>>;
}

let api: ApiFixture;
let document: Document;
const ajv = new Ajv2020({ strict: false, allErrors: true });
(formats as unknown as (ajv: Ajv2020) => void)(ajv);

before(async () => {
  api = await openApi();
  document = (await api.call<Document>("GET", "/api/v1/openapi.json")).body;
});
after(() => api.close());

function check(path: string, method: string, status: number | string, type: string, value: unknown): void {
  const schema = document.paths[path]?.[method]?.responses[status]?.content?.[type]?.schema;
  assert.ok(schema, `${method} ${path} ${status} ${type} is not described`);
  assert.ok(
    ajv.validate(schema, value),
    `${method} ${path}: ${JSON.stringify(ajv.errors)} of ${JSON.stringify(value).slice(0, 300)}`,
  );
}

test("every route is described, once", () => {
  assert.match(document.openapi, /^3\.1/);
  const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  assert.deepEqual(routes.toSorted(), [
    "GET /api/v1/blobs/{sha256}",
    "GET /api/v1/info",
    "GET /api/v1/jobs",
    "GET /api/v1/jobs/{id}",
    "GET /api/v1/jobs/{id}/logs",
    "GET /api/v1/jobs/{id}/why",
    "GET /api/v1/nodes",
    "GET /api/v1/openapi.json",
    "GET /api/v1/owners/{id}/session",
    "GET /api/v1/runs/{id}",
    "GET /api/v1/uploads/{name}",
    "GET /healthz",
    "GET /metrics",
    "HEAD /api/v1/blobs/{sha256}",
    "POST /api/v1/blobs/missing",
    "POST /api/v1/jobs",
    "POST /api/v1/jobs/{id}/cancel",
    "POST /api/v1/runs/{id}/cancel",
    "POST /api/v1/yaml",
    "PUT /api/v1/blobs/{sha256}",
    "PUT /api/v1/uploads/{name}",
  ]);
  const ids = Object.values(document.paths).flatMap((methods) =>
    Object.values(methods).map(({ operationId }) => operationId),
  );
  assert.equal(new Set(ids).size, ids.length);
});

test("answers are what the document says", async () => {
  const node = await api.join("n", {
    devices: [{ index: 0, vendor: "nvidia", model: "A100", memoryBytes: 1, uuid: "u" }],
  });
  const submitted = await api.call<{ jobs: { id: string }[] }>("POST", "/api/v1/jobs", {
    run: { id: "r" },
    jobs: [
      { name: "a", command: ["true"], gpus: 1 },
      { name: "b", command: ["true"], parents: ["a"] },
      { name: "c", command: ["x"], gpus: 9 },
    ],
  });
  check("/api/v1/jobs", "post", 201, "application/json", submitted.body);
  const [a, , c] = submitted.body.jobs.map(({ id }) => id) as [string, string, string];
  await node.started(a);
  const sample = async (path: string, at: string, method = "GET", status = 200) => {
    const { body, status: got } = await api.call(method, at);
    assert.equal(got, status);
    check(path, method.toLowerCase(), status, "application/json", body);
  };
  const everything = async () => {
    await sample("/api/v1/jobs", "/api/v1/jobs");
    for (const id of [a, c]) {
      await sample("/api/v1/jobs/{id}", `/api/v1/jobs/${id}`);
      await sample("/api/v1/jobs/{id}/why", `/api/v1/jobs/${id}/why`);
    }
    await sample("/api/v1/runs/{id}", "/api/v1/runs/r");
    await sample("/api/v1/nodes", "/api/v1/nodes");
    await sample("/api/v1/info", "/api/v1/info");
    await sample("/healthz", "/healthz");
  };
  await everything();
  await api.parts.logs.append(
    { jobId: a, number: 1 },
    { stream: "stdout", offset: 0, at: 1, data: Buffer.from("hello") },
  );
  await node.exited(
    a,
    { code: null, cause: "signal", signal: "SIGKILL", maxRssBytes: 1.5, cpuMs: 0.5 },
    { stdout: 5, stderr: 0, titan: 0 },
  );
  await everything();
  await sample("/api/v1/jobs/{id}/cancel", `/api/v1/jobs/${c}/cancel`, "POST", 202);
  await sample("/api/v1/runs/{id}/cancel", "/api/v1/runs/r/cancel", "POST", 202);
  const records = (await (await api.fetch(`/api/v1/jobs/${a}/logs`)).text())
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as LogRecord);
  assert.equal(records.length, 2);
  for (const record of records) check("/api/v1/jobs/{id}/logs", "get", 200, "application/x-ndjson", record);
  const problem = await api.call("GET", "/api/v1/jobs/none");
  check("/api/v1/jobs/{id}", "get", "4XX", "application/problem+json", problem.body);
});
