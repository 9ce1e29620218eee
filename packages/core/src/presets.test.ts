import assert from "node:assert/strict";
import { test } from "node:test";
import { resolveRequirement } from "./presets.ts";

const NONE = { cpuMillis: 1_000, memoryBytes: 0, gpus: 0, gpuModel: null, gpuMemoryBytes: 0, labels: {} };

test("presets, their absence, and names that are labels", () => {
  const cases: [Parameters<typeof resolveRequirement>, object][] = [
    [[undefined], {}],
    [["GENERAL"], {}],
    [["GPU"], { gpus: 1 }],
    [["HIGH_MEM"], { memoryBytes: 16 * 1024 ** 3 }],
    [["fast"], { labels: { fast: "true" } }],
    [["toString"], { labels: { toString: "true" } }],
    [["GPU", { gpus: 2, cpuMillis: 500 }], { gpus: 2, cpuMillis: 500 }],
    [["GPU", { gpus: 0 }], {}],
    [[null, { gpuModel: "A100" }], { gpus: 1, gpuModel: "A100" }],
    [[null, { gpuMemoryBytes: 5 }], { gpus: 1, gpuMemoryBytes: 5 }],
    [["fast", { labels: { fast: "very", disk: "ssd" } }], { labels: { fast: "very", disk: "ssd" } }],
  ];
  for (const [given, expected] of cases) {
    assert.deepEqual(resolveRequirement(...given), { ...NONE, ...expected }, JSON.stringify(given));
  }
});
