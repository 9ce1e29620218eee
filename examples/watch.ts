/** Follows every job of a cluster while something runs on it: their output as it comes, and a table at the end. */
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { type JobView, TitanClient } from "@titan/sdk";

type Say = (text: string) => void;

/** New jobs are looked for this often: there is no stream of events yet. Output itself is not polled for. */
const LOOK_MS = 100;

/** Resolves with the table once `ended` has resolved and every job is over. */
export async function watchJobs(
  url: string,
  tokenFile: string,
  ended: Promise<unknown>,
  say: Say,
): Promise<string> {
  const client = new TitanClient({ url, token: readFileSync(tokenFile, "utf8").trim() });
  const followed = new Map<string, Promise<void>>();
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  for (;;) {
    const last = isOver;
    const { jobs } = await client.jobs({ limit: 100 });
    for (const job of jobs.toReversed()) {
      if (!followed.has(job.id)) followed.set(job.id, follow(client, job, say));
    }
    if (last) break;
    await Promise.race([ended, pause(LOOK_MS)]);
  }
  await Promise.all(followed.values());
  const { jobs } = await client.jobs({ limit: 100 });
  return table(jobs.toReversed());
}

/** One job to its end: where it was placed, each line with its node in front, how it ended. */
async function follow(client: TitanClient, job: JobView, say: Say): Promise<void> {
  say(`${job.name}: submitted, needs ${needs(job)}`);
  let node = "";
  for await (const line of client.lines(job.id, { follow: true })) {
    if (node === "") node = (await client.job(job.id)).node ?? "?";
    const mark = line.stream === "stdout" ? "│" : line.stream === "stderr" ? "┃" : "·";
    say(`${node.padEnd(6)} ${mark} ${line.text}`);
  }
  const end = await client.wait(job.id);
  say(
    `${job.name}: ${end.state} on ${end.node ?? "no node"}${end.state === "succeeded" ? "" : `: ${end.reason}`}`,
  );
}

function needs(job: JobView): string {
  const { cpus, gpus } = job.requirement;
  return `${cpus} cpu${gpus > 0 ? ` and ${gpus} GPU` : ""}`;
}

function table(jobs: readonly JobView[]): string {
  const seconds = (ms: number | null) => (ms === null ? "" : `${(ms / 1000).toFixed(2)} s`);
  const rows = [
    ["asset", "node", "device", "waited", "ran", "exit"],
    ...jobs.map((job) => [
      job.name,
      job.node ?? "-",
      job.devices.length > 0 ? `GPU ${job.devices.join(",")}` : "-",
      seconds(job.waited_ms),
      seconds(job.ran_ms),
      String(job.exit_code ?? job.signal ?? job.state),
    ]),
  ];
  const widths =
    rows[0]?.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length))) ?? [];
  return rows
    .map((row) =>
      row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
