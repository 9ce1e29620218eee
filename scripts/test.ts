/**
 * Every test of the project. `--all` adds what takes longer (`*.slow.test.ts`, pytest's `slow`), `--gpu` runs what
 * needs an NVIDIA GPU and nothing else, `--only NAME` runs one stage. Ends with a table and `N passed, N failed`.
 */
import { parseArgs } from "node:util";
import { type Counts, runChecks, runNodeTests, runPytest, testFiles } from "./stages.ts";

interface Stage {
  readonly name: string;
  readonly run: () => Promise<Counts>;
}

/** The whole of `npm test` on two cores; more than that is a finding, not a failure. */
const BUDGET_MS = 15 * 60_000;

const { values: flags } = parseArgs({
  options: {
    all: { type: "boolean", default: false },
    gpu: { type: "boolean", default: false },
    only: { type: "string" },
  },
});

const everyday: readonly Stage[] = [
  { name: "check", run: () => runChecks({ fix: false }) },
  { name: "tidy", run: () => runNodeTests(testFiles(["scripts/*.test.ts"], flags.all), 2) },
  {
    name: "unit",
    run: () => runNodeTests(testFiles(["packages/*/**/*.test.ts", "bench/*.test.ts"], flags.all), 2),
  },
  { name: "sim", run: () => runNodeTests(testFiles(["sim/**/*.test.ts"], flags.all), 2) },
  { name: "python", run: () => runPytest("python", flags.all) },
  { name: "e2e", run: () => runNodeTests(testFiles(["e2e/*.test.ts"], flags.all), 1) },
];
const gpu: readonly Stage[] = [
  { name: "gpu", run: () => runNodeTests(testFiles(["e2e/gpu/*.test.ts"], true), 1) },
];

const stages = (flags.gpu ? gpu : everyday).filter(
  (stage) => flags.only === undefined || stage.name === flags.only,
);
if (stages.length === 0) {
  console.error(`no stage is called ${flags.only}: ${everyday.map((stage) => stage.name).join(", ")}`);
  process.exit(2);
}

const rows: { stage: string; passed: number; failed: number; skipped: number; seconds: number }[] = [];
for (const stage of stages) {
  console.log(`\n== ${stage.name}`);
  const started = Date.now();
  const counts = await stage.run();
  rows.push({ stage: stage.name, ...counts, seconds: (Date.now() - started) / 1000 });
}

const sum = (key: "passed" | "failed" | "skipped" | "seconds") =>
  rows.reduce((total, row) => total + row[key], 0);
console.log("\nstage      passed  failed  skipped  seconds");
for (const row of rows) {
  const cells = [
    String(row.passed).padStart(6),
    String(row.failed).padStart(6),
    String(row.skipped).padStart(7),
    row.seconds.toFixed(1).padStart(7),
  ];
  console.log(`${row.stage.padEnd(10)} ${cells.join("  ")}`);
}
if (!flags.all && sum("seconds") * 1000 > BUDGET_MS) {
  console.log(`over the budget: ${sum("seconds").toFixed(0)} s of ${BUDGET_MS / 1000} s`);
}
console.log(`\n${sum("passed")} passed, ${sum("failed")} failed`);
process.exitCode = sum("failed") > 0 ? 1 : 0;
