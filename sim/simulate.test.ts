import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { MUTANTS } from "./mutants.ts";
import { type SimulationOptions, simulate } from "./simulate.ts";

const ROOT = join(import.meta.dirname, "..");
const SEEDS = 200;
const MAIN = join(import.meta.dirname, "main.ts");
const execute = promisify(execFile);

function options(seed: number, more: Partial<SimulationOptions> = {}): SimulationOptions {
  return { seed, store: "memory", nodes: 8, jobs: 120, overlaps: false, full: false, ...more };
}

// In processes of their own: the test runner follows every promise, which makes a simulation three times as slow.
test(`${SEEDS} seeds find nothing wrong`, async () => {
  const half = SEEDS / 2;
  const runs = [1, half + 1].map((from) =>
    execute(process.execPath, [MAIN, "--seeds", String(half), "--from", String(from)]).catch(
      ({ stdout, stderr }: { stdout: string; stderr: string }) => assert.fail(`${stdout}\n${stderr}`),
    ),
  );
  for (const { stdout } of await Promise.all(runs))
    assert.match(stdout, new RegExp(`${half} seeds on memory: 0 failed`));
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
