import type { AttemptView, JobDetail } from "@titan/protocol";
import { command } from "../command.ts";
import { connect, findJob } from "../connect.ts";
import { age, bytes, duration } from "../output/amounts.ts";
import { place, wants } from "../output/job-words.ts";
import { visible } from "../output/safe.ts";
import type { Style } from "../output/style.ts";
import { stateWord } from "../output/style.ts";

export default command({
  usage: ["titan status JOB"],
  about:
    "Shows one job in full. JOB is an id, the beginning of one, or a name (the latest job of that name).",
  examples: [
    ["titan status 7f3a", "by the beginning of its id"],
    ["titan status train --json | jq .state", "by its name, for scripts"],
  ],
  flags: {},
  takes: { min: 1, max: 1 },
  async run({ flags, words, terminal }) {
    const job = await findJob(connect({ flags }), words[0]!);
    if (flags.json) terminal.json(job);
    else terminal.out(describe(job, terminal.style, Date.now()));
    return 0;
  },
});

export function describe(job: JobDetail, style: Style, now: number): string {
  const lines: [string, string][] = [
    ["job", `${style.bold(visible(job.name))}  ${job.id}`],
    [
      "state",
      `${stateWord(style, job.state)}${job.reason === "" || job.reason === job.state ? "" : `  ${visible(job.reason)}`}`,
    ],
    ["node", place(job)],
    ["wants", wants(job.requirement, style.sign("dot"))],
  ];
  if (job.run !== null) lines.push(["run", visible(job.run)]);
  if (job.parents.length > 0) lines.push(["after", visible(job.parents.join(", "))]);
  if (job.affinity !== false) lines.push(["affinity", job.affinity === true ? "preferred" : "required"]);
  if (job.note !== "") lines.push(["note", visible(job.note)]);
  lines.push(["submitted", `${job.submitted_at}  (${age(job.submitted_at, now)} ago)`]);
  lines.push(["waited", duration(job.waited_ms)]);
  if (job.ran_ms !== null) lines.push(["ran", duration(job.ran_ms)]);
  if (job.signal !== null) lines.push(["signal", visible(job.signal)]);
  else if (job.exit_code !== null) lines.push(["exit", String(job.exit_code)]);
  for (const attempt of job.attempts) lines.push([`attempt ${attempt.number}`, attemptLine(attempt)]);
  const width = Math.max(...lines.map(([key]) => key.length)) + 2;
  return lines.map(([key, value]) => `  ${style.dim(key.padEnd(width))}${value}\n`).join("");
}

function attemptLine(attempt: AttemptView): string {
  const parts = [attempt.state, place(attempt)];
  if (attempt.signal !== null) parts.push(attempt.signal);
  else if (attempt.exit_code !== null) parts.push(`exit ${attempt.exit_code}`);
  if (attempt.cause !== null && attempt.cause !== "exit") parts.push(attempt.cause);
  if (attempt.max_rss > 0) parts.push(`${bytes(attempt.max_rss)} at most`);
  if (attempt.message !== "") parts.push(visible(attempt.message));
  return parts.join("  ");
}
