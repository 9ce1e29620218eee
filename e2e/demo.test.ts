/** `npm run demo`, as a person would run it: the real Dagster, two nodes, live output, a table; and `-- --keep`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Started, start, until } from "./cluster.ts";

function demo(...flags: string[]): Started {
  return start(["examples/demo.ts", ...flags], { ...process.env, NO_COLOR: "1" });
}

/** Rows of the closing table by asset: node, device, exit. */
function table(output: string): Record<string, string[]> {
  const lines = output.slice(output.indexOf("\nasset ")).trim().split("\n").slice(1);
  const rows = lines.map((line) => line.split(/ {2,}/));
  return Object.fromEntries(rows.map(([asset = "", ...cells]) => [asset, cells]));
}

test("the demo runs the pipeline, shows live output with its node, and ends with the table", async () => {
  const run = demo();
  assert.equal(await run.ended, 0, run.output());
  const output = run.output();
  assert.match(output, /plain +│ extract: batch 1\/4/);
  assert.match(output, /plain +┃ extract: rows\.csv/);
  assert.match(output, /gpu1 +│ train: CUDA_VISIBLE_DEVICES=0/);
  const rows = table(output);
  assert.deepEqual(Object.keys(rows), ["raw_data", "trained_model", "evaluation_metrics"]);
  assert.deepEqual(rows.trained_model?.slice(0, 2), ["gpu1", "GPU 0"]);
  assert.deepEqual(rows.evaluation_metrics?.slice(0, 2), ["plain", "-"]);
  for (const cells of Object.values(rows)) assert.equal(cells.at(-1), "0");
  // Live: a step's first line was shown well before its last.
  const at = (text: string) => Number(new RegExp(`^ *([\\d.]+) s .*${text}`, "m").exec(output)?.[1]);
  assert.ok(at("train: epoch 8/8") - at("train: epoch 1/8") > 0.4, output);
});

test("--keep leaves the cluster and Dagster's UI up until Ctrl-C, and nothing after it", async () => {
  const run = demo("--keep");
  try {
    const address = await until(
      "the addresses are shown",
      () => {
        if (run.child.exitCode !== null) throw new Error(run.output());
        return /^cluster +(http\S+)[\s\S]*^Dagster UI +(http\S+)/m.exec(run.output())?.slice(1);
      },
      60_000,
    );
    const [cluster = "", dagster = ""] = address;
    assert.equal((await fetch(`${cluster}/healthz`)).status, 200);
    const ui = await until(
      "Dagster's UI answers",
      async () => await fetch(`${dagster}/server_info`).catch(() => undefined),
      60_000,
    );
    assert.equal(ui.status, 200);
    run.child.kill("SIGINT");
    assert.equal(await run.ended, 0, run.output());
    await assert.rejects(fetch(`${cluster}/healthz`));
    await assert.rejects(fetch(`${dagster}/server_info`));
  } finally {
    run.child.kill("SIGTERM");
    await run.ended;
  }
});
