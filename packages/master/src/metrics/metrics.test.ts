import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type ApiFixture, openApi } from "../testing/api-fixture.ts";
import { family, Histogram } from "./text-format.ts";

let api: ApiFixture;
before(async () => {
  api = await openApi();
});
after(() => api.close());

test("jobs, nodes, waits and log bytes are counted", async () => {
  const node = await api.join("n");
  const { jobs } = await api.submit({
    jobs: ["a", "b"]
      .map((name) => ({ name, command: ["true"] }))
      .concat({ name: "c", command: ["true"], gpus: 5 } as never),
  });
  const [a, b] = jobs.map(({ id }) => id) as [string, string];
  await node.started(a);
  await node.started(b);
  await api.parts.logs.append(
    { jobId: a, number: 1 },
    { stream: "stdout", offset: 0, at: 1, data: Buffer.from("hello") },
  );
  await node.exited(a, {}, { stdout: 5, stderr: 0, titan: 0 });
  const { body, headers } = await api.call<string>("GET", "/metrics");
  assert.match(headers.get("content-type")!, /^text\/plain; version=0\.0\.4/);
  for (const line of [
    'titan_jobs{state="waiting"} 1',
    'titan_jobs{state="running"} 1',
    'titan_jobs{state="succeeded"} 1',
    'titan_jobs{state="failed"} 0',
    'titan_nodes{state="up"} 1',
    'titan_nodes{state="silent"} 0',
    'titan_queue_wait_seconds_bucket{le="+Inf"} 2',
    "titan_queue_wait_seconds_count 2",
    "titan_log_bytes_total 5",
    "# TYPE titan_queue_wait_seconds histogram",
  ]) {
    assert.ok(body.split("\n").includes(line), `${line} is not in\n${body}`);
  }
});

test("buckets add up, and labels are quoted", () => {
  const histogram = new Histogram([1, 2]);
  for (const value of [0.5, 1, 1.5, 7]) histogram.observe(value);
  assert.equal(
    histogram.text("w", "help"),
    '# HELP w help\n# TYPE w histogram\nw_bucket{le="1"} 2\nw_bucket{le="2"} 3\nw_bucket{le="+Inf"} 4\nw_sum 10\nw_count 4\n',
  );
  assert.match(
    family("g", "gauge", "help", [{ labels: { a: 'x"\\\n' }, value: 1 }]),
    /g\{a="x\\"\\\\\\n"\} 1\n$/,
  );
});
