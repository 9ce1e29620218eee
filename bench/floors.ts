/** What this machine does without Titan, measured when first asked for and once a run. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { median } from "./row.ts";

export interface Floors {
  /** Start `/bin/true` and wait for its end, ms. */
  spawnMs(): Promise<number>;
  /** One row, durably, by the same database and settings as the store's, ms. */
  commitMs(): Promise<number>;
  /** `count` runs of a program, two at a time, by xargs: runs a second. */
  xargsRate(count: number, program: readonly string[]): Promise<number>;
  /** Start Node on nothing, ms. */
  nodeStartMs(): Promise<number>;
}

/** Runs to the end; milliseconds that it took. Fails on any exit but 0. */
export async function timed(command: readonly string[], input?: string): Promise<number> {
  const [program = "", ...args] = command;
  const started = performance.now();
  const child = spawn(program, args, { stdio: ["pipe", "ignore", "inherit"] });
  // A program that reads nothing may be gone before the input is written.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const code = await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", resolve);
  });
  if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}`);
  return performance.now() - started;
}

async function samples(count: number, measure: () => Promise<number>): Promise<number> {
  const taken: number[] = [];
  for (let index = 0; index < count; index++) taken.push(await measure());
  return median(taken);
}

function measureCommit(): number {
  const folder = mkdtempSync(join(tmpdir(), "titan-bench-"));
  const database = new DatabaseSync(join(folder, "floor.db"));
  try {
    database.exec(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)",
    );
    const insert = database.prepare("INSERT INTO t (v) VALUES (?)");
    const taken: number[] = [];
    for (let index = 0; index < 200; index++) {
      const started = performance.now();
      insert.run("x".repeat(500));
      taken.push(performance.now() - started);
    }
    return median(taken);
  } finally {
    database.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

export function makeFloors(): Floors {
  const known = new Map<string, Promise<number>>();
  const once = (key: string, measure: () => Promise<number>): Promise<number> => {
    const value = known.get(key) ?? measure();
    known.set(key, value);
    return value;
  };
  return {
    spawnMs: () => once("spawn", () => samples(100, () => timed(["/bin/true"]))),
    commitMs: () => once("commit", async () => measureCommit()),
    xargsRate: (count, program) =>
      once(`xargs ${count} ${program.join(" ")}`, async () => {
        const input = "x\n".repeat(count);
        const ms = await samples(3, () => timed(["xargs", "-P2", "-I{}", ...program], input));
        return (count / ms) * 1000;
      }),
    nodeStartMs: () => once("node", () => samples(10, () => timed([process.execPath, "-e", "0"]))),
  };
}
