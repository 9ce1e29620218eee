/** The things that `npm test` runs, each a function that prints what it finds and answers with counts. */
import { spawn } from "node:child_process";
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const BIN = join(ROOT, ".venv", "bin");
/** What ruff looks at; each folder has its configuration. */
const PYTHON = ["python", "examples"];

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

interface Check {
  readonly name: string;
  readonly command: readonly string[];
  /** What puts right what it can, under `npm run fix`. */
  readonly fix?: readonly string[];
}

export const CHECKS: readonly Check[] = [
  {
    name: "biome",
    command: ["node_modules/.bin/biome", "check", "--colors=off", "--error-on-warnings", "."],
    fix: ["node_modules/.bin/biome", "check", "--write", "."],
  },
  { name: "tsc", command: ["node_modules/.bin/tsc", "-p", "."] },
  {
    name: "ruff check",
    command: [join(BIN, "ruff"), "check", "--quiet", ...PYTHON],
    fix: [join(BIN, "ruff"), "check", "--fix", ...PYTHON],
  },
  {
    name: "ruff format",
    command: [join(BIN, "ruff"), "format", "--check", "--quiet", ...PYTHON],
    fix: [join(BIN, "ruff"), "format", ...PYTHON],
  },
  {
    name: "basedpyright",
    command: [join(BIN, "basedpyright"), "--pythonpath", join(BIN, "python")],
  },
];

/** No stage comes near it: what does hangs, and must not take the whole run's time with it. */
const STAGE_MS = 6 * 60_000;

/** Runs to the end with the terminal's own output. A child that cannot be started, or hangs, counts as failed. */
export function execute(command: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<number> {
  const [program = "", ...args] = command;
  const path = `${BIN}:${process.env.PATH ?? ""}`;
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: ROOT,
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, PATH: path, ...env },
    });
    const timer = setTimeout(() => {
      console.error(`FAIL ${command.slice(0, 3).join(" ")} … is not over after ${STAGE_MS / 1000} s: ended`);
      child.kill("SIGTERM");
      // The runner has its own children to end first.
      setTimeout(() => child.kill("SIGKILL"), 5_000).unref();
    }, STAGE_MS);
    child.on("error", (error) => {
      console.error(`${program}: ${error.message}`);
      clearTimeout(timer);
      resolve(127);
    });
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve(code ?? 1);
    });
  });
}

export async function runChecks(options: { fix: boolean }): Promise<Counts> {
  let failed = 0;
  for (const check of CHECKS) {
    const started = Date.now();
    if (options.fix && check.fix !== undefined) await execute(check.fix);
    const code = await execute(check.command);
    if (code !== 0) failed += 1;
    const time = ((Date.now() - started) / 1000).toFixed(1);
    console.log(`${code === 0 ? "ok  " : "FAIL"} ${check.name} (${time} s)`);
  }
  return { passed: CHECKS.length - failed, failed, skipped: 0 };
}

/** Test files of these patterns; those called `*.slow.test.ts` only where `slow` is set. */
export function testFiles(patterns: readonly string[], slow: boolean): string[] {
  const all = globSync(patterns, { cwd: ROOT, exclude: (path) => path.includes("node_modules") });
  return all.filter((path) => slow || !path.endsWith(".slow.test.ts")).sort();
}

/** @param concurrency Test files at once: 1 where they start whole clusters and measure time. */
export async function runNodeTests(files: readonly string[], concurrency: number): Promise<Counts> {
  if (files.length === 0) return { passed: 0, failed: 0, skipped: 0 };
  return await withCounts("counts.json", readNodeCounts, (counts) =>
    execute(
      [
        process.execPath,
        "--disable-warning=ExperimentalWarning",
        "--test",
        `--test-concurrency=${concurrency}`,
        // Longer than any test of ours: it is here so that one that hangs ends with its name.
        "--test-timeout=120000",
        `--test-reporter=${join(ROOT, "scripts", "reporter.ts")}`,
        ...files,
      ],
      { TITAN_TEST_COUNTS: counts },
    ),
  );
}

export async function runPytest(folder: string, slow: boolean): Promise<Counts> {
  return await withCounts("junit.xml", readJunitCounts, (counts) =>
    // -qq: the closing line with pytest's own counts is left out, ours stands at the end of everything.
    execute([
      join(BIN, "python"),
      "-m",
      "pytest",
      "-qq",
      folder,
      ...(slow ? [] : ["-m", "not slow"]),
      `--junitxml=${counts}`,
    ]),
  );
}

/** A runner that dies before it has counted is one failure, and so is one that counts none but ends badly. */
async function withCounts(
  name: string,
  read: (text: string) => Counts,
  start: (path: string) => Promise<number>,
): Promise<Counts> {
  const folder = mkdtempSync(join(tmpdir(), "titan-test-"));
  try {
    const path = join(folder, name);
    const code = await start(path);
    if (!existsSync(path)) return { passed: 0, failed: 1, skipped: 0 };
    const counts = read(readFileSync(path, "utf8"));
    return code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readNodeCounts(text: string): Counts {
  return JSON.parse(text) as Counts;
}

function readJunitCounts(text: string): Counts {
  const suite = /<testsuite [^>]*>/.exec(text)?.[0] ?? "";
  const read = (name: string) => Number(new RegExp(` ${name}="(\\d+)"`).exec(suite)?.[1] ?? 0);
  const failed = read("failures") + read("errors");
  const skipped = read("skipped");
  return { passed: Math.max(0, read("tests") - failed - skipped), failed, skipped };
}
