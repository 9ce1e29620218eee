/** How fast output travels, and how long after the print it is on screen. */
import { spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Group, median, type Row, row } from "../row.ts";
import { withCluster } from "../with-cluster.ts";

const MEGABYTES = 100;
const FLOOD = [
  "sh",
  "-c",
  `yes 0123456789012345678901234567890123456789012345678 | head -c ${MEGABYTES * 1_000_000}`,
];
/** Prints the time of each print, twenty times a second. */
const CLOCK = [
  "python3",
  "-u",
  "-c",
  "import time\nfor _ in range(60): print(time.time() * 1000); time.sleep(0.05)",
];

/** Runs the flood into a file, as the launcher does; seconds. */
async function floodToFile(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "titan-bench-"));
  const file = openSync(join(folder, "out"), "w");
  try {
    const started = performance.now();
    const [program = "", ...args] = FLOOD;
    const child = spawn(program, args, { stdio: ["ignore", file, "inherit"] });
    await new Promise((resolve) => child.on("exit", resolve));
    return (performance.now() - started) / 1000;
  } finally {
    closeSync(file);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Collects, for every line that holds a time, how long ago that was when the line arrived. */
function delays(): { feed: (data: Uint8Array) => void; taken: number[] } {
  const taken: number[] = [];
  let rest = "";
  return {
    taken,
    feed: (data) => {
      const now = performance.timeOrigin + performance.now();
      const lines = (rest + Buffer.from(data).toString()).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) taken.push(now - Number(line));
    },
  };
}

async function pipeDelay(): Promise<number> {
  const { feed, taken } = delays();
  const [program = "", ...args] = CLOCK;
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  child.stdout.on("data", feed);
  await new Promise((resolve) => child.on("close", resolve));
  return median(taken);
}

async function flood(): Promise<Row[]> {
  const floor = MEGABYTES / (await floodToFile());
  return await withCluster({ cpus: 2 }, async ({ client, follow }) => {
    const started = performance.now();
    const { jobs } = await client.submit({ jobs: [{ name: "flood", command: FLOOD }] });
    let bytes = 0;
    await follow(jobs[0]?.id ?? "", (data) => {
      bytes += data.length;
    });
    const value = MEGABYTES / ((performance.now() - started) / 1000);
    if (bytes !== MEGABYTES * 1_000_000) throw new Error(`log-100mb: ${bytes} bytes arrived`);
    return [row("log-100mb", value, "MB/s", floor, "the same into a file")];
  });
}

async function delay(): Promise<Row[]> {
  const floor = await pipeDelay();
  return await withCluster({ cpus: 2 }, async ({ client, follow }) => {
    const { feed, taken } = delays();
    const { jobs } = await client.submit({ jobs: [{ name: "clock", command: CLOCK }] });
    await follow(jobs[0]?.id ?? "", feed);
    return [row("log-delay", median(taken), "ms", floor, "through a pipe")];
  });
}

export const logSpeed: Group = { rows: ["log-100mb"], measure: flood };
export const logDelay: Group = { rows: ["log-delay"], measure: delay };
