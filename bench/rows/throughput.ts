/** How many small jobs a second go through two cpus, and how many through Titan alone. */
import { join } from "node:path";
import { ROOT } from "../../e2e/cluster.ts";
import type { Floors } from "../floors.ts";
import { type Group, type Row, row } from "../row.ts";
import { type Bench, withCluster } from "../with-cluster.ts";

const BATCH = 1_000;
/** By its path: `python3` may be a shim that takes longer than Python itself. */
const PYTHON = join(ROOT, ".venv", "bin", "python");

/** Jobs a second, from the first submit to the end of the last job, known at the client. */
async function rate(bench: Bench, count: number, command: readonly string[], inFlight = 1): Promise<number> {
  const started = performance.now();
  const run = `bench-${process.hrtime.bigint()}`;
  const pending = new Set<Promise<unknown>>();
  for (let sent = 0; sent < count; sent += BATCH) {
    const jobs = Array.from({ length: Math.min(BATCH, count - sent) }, (_, index) => ({
      name: `job-${sent + index}`,
      command: [...command],
    }));
    if (pending.size >= inFlight) await Promise.race(pending);
    const submitted: Promise<unknown> = bench.client
      .submit({ run: { id: run }, jobs })
      .then(() => pending.delete(submitted));
    pending.add(submitted);
  }
  await Promise.all(pending);
  await bench.runFinished(run, count);
  return (count / (performance.now() - started)) * 1000;
}

async function small(
  name: string,
  floors: Floors,
  count: number,
  command: readonly string[],
  label: string,
): Promise<Row[]> {
  const value = await withCluster({ cpus: 2 }, async (bench) => {
    await rate(bench, 50, command);
    return await rate(bench, count, command);
  });
  const floor = await floors.xargsRate(count, command);
  return [row(name, value, "jobs/s", floor, `xargs -P2 ${label}`)];
}

async function noop(): Promise<Row[]> {
  const value = await withCluster({ noop: true }, async (bench) => {
    await rate(bench, 2_000, ["/bin/true"], 2);
    return await rate(bench, 20_000, ["/bin/true"], 2);
  });
  return [row("noop-20000", value, "jobs/s")];
}

export const trueJobs: Group = {
  rows: ["true-2000"],
  measure: (floors) => small("true-2000", floors, 2_000, ["/bin/true"], "/bin/true"),
};
export const pythonJobs: Group = {
  rows: ["python-200"],
  measure: (floors) => small("python-200", floors, 200, [PYTHON, "-c", "pass"], "python -c pass"),
};
export const noopJobs: Group = { rows: ["noop-20000"], measure: noop };
