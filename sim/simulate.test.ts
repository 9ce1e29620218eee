import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { MUTANTS } from "./mutants.ts";
import { type SimulationOptions, simulate } from "./simulate.ts";

const ROOT = join(import.meta.dirname, "..");
const SEEDS = 200;
const LINES = 40;

function options(seed: number, more: Partial<SimulationOptions> = {}): SimulationOptions {
  return { seed, store: "memory", nodes: 8, jobs: 120, overlaps: false, full: false, ...more };
}

test(`${SEEDS} seeds find nothing wrong`, async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { wrong, lines } = await simulate(options(seed));
    const replay = `npm run sim -- --seeds 1 --from ${seed} --trace`;
    assert.deepEqual(wrong, [], `seed ${seed}\n${lines.slice(-LINES).join("\n")}\nreplay: ${replay}`);
  }
});

test("the same seed has the same trace on every run and on every store, another seed another", async () => {
  for (const seed of [1, 2, 3, 77]) {
    const first = await simulate(options(seed));
    assert.equal((await simulate(options(seed))).hash, first.hash);
    assert.equal((await simulate(options(seed, { store: "sqlite" }))).hash, first.hash);
    assert.notEqual((await simulate(options(seed + 100))).hash, first.hash);
  }
});

test("every mutant still applies", () => {
  for (const { id, file, text } of MUTANTS) {
    assert.equal(readFileSync(join(ROOT, file), "utf8").split(text).length, 2, `${id}: ${file}`);
  }
  assert.equal(new Set(MUTANTS.map(({ id }) => id)).size, MUTANTS.length);
});
