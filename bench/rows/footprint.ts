/** How soon it is there, and what it takes while it has nothing to do. */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../../e2e/cluster.ts";
import type { Floors } from "../floors.ts";
import { type Group, median, type Row, row } from "../row.ts";
import { withCluster } from "../with-cluster.ts";

const TITAN = join(ROOT, ".venv", "bin", "titan");
const IDLE_MS = 10_000;

/** Milliseconds until `titan dev` says that it is ready, in a new state folder each time. */
async function devReadyMs(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "titan-bench-"));
  const started = performance.now();
  const args = ["dev", "--port", "0", "--json", "--no-node", "--fake-node", "name=n1,cpus=2"];
  const child = spawn(TITAN, args, {
    env: { ...process.env, TITAN_STATE_HOME: folder },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const exited = new Promise((resolve) => child.on("exit", resolve));
  const ready = new Promise<number>((resolve, reject) => {
    child.stdout.on("data", (data: Buffer) => {
      if (data.includes('"ready":true')) resolve(performance.now() - started);
    });
    exited.then((code) => reject(new Error(`titan dev ended with ${code}`)));
  });
  try {
    return await ready;
  } finally {
    child.kill("SIGTERM");
    await exited;
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function coldStart(floors: Floors): Promise<Row[]> {
  const floor = await floors.nodeStartMs();
  const ready: number[] = [];
  for (let index = 0; index < 5; index++) ready.push(await devReadyMs());
  const verb = await withCluster({ cpus: 2 }, async ({ cluster }) => {
    const taken: number[] = [];
    for (let index = 0; index < 10; index++) {
      const started = performance.now();
      const child = spawn(TITAN, ["ps", "-a"], { env: cluster.env, stdio: "ignore" });
      const code = await new Promise((resolve) => child.on("exit", resolve));
      if (code !== 0) throw new Error(`titan ps ended with ${code}`);
      taken.push(performance.now() - started);
    }
    return median(taken);
  });
  return [
    row("cold-start", median(ready), "ms", floor, "node -e 0"),
    row("cold-start-cli", verb, "ms", floor, "node -e 0"),
  ];
}

/** A process and all below it: an agent counts with its launcher. */
function family(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean).map(Number),
  );
  return [pid, ...children.flatMap(family)];
}

function residentMb(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
}

/** Processor time that it has used so far, ms: of all threads, in nanoseconds, where /proc/<pid>/stat counts in 10 ms. */
function cpuMs(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  const spent = threads.map(
    (thread) => readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0],
  );
  return sum(spent.map(Number)) / 1e6;
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

async function idle(): Promise<Row[]> {
  const bare = spawn(process.execPath, ["-e", "setInterval(() => {}, 1e6); console.log('up')"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await new Promise((resolve) => bare.stdout.once("data", resolve));
  const floor = residentMb(bare.pid ?? 0);
  bare.kill();
  return await withCluster({ cpus: 2 }, async ({ cluster, client, finished }) => {
    // Not quite new: it has run something, as every cluster has.
    const { jobs } = await client.submit({
      jobs: Array.from({ length: 20 }, (_, n) => ({ name: `j${n}`, command: ["/bin/true"] })),
    });
    for (const job of jobs) await finished(job.id);
    const masters = family(cluster.master.child.pid ?? 0);
    const agents = family(cluster.nodes[0]?.child.pid ?? 0);
    const before = sum([...masters, ...agents].map(cpuMs));
    await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
    const used = sum([...masters, ...agents].map(cpuMs)) - before;
    return [
      row("idle-memory-master", sum(masters.map(residentMb)), "MB", floor, "idle node"),
      row("idle-memory-agent", sum(agents.map(residentMb)), "MB", floor, "idle node"),
      row("idle-cpu", (used / IDLE_MS) * 100, "% of a core"),
    ];
  });
}

export const coldStarts: Group = { rows: ["cold-start", "cold-start-cli"], measure: coldStart };
export const idleCosts: Group = {
  rows: ["idle-memory-master", "idle-memory-agent", "idle-cpu"],
  measure: idle,
};
