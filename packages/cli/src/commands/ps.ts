import type { JobListQuery, JobView } from "@titan/protocol";
import type { TitanClient } from "@titan/sdk";
import { command } from "../command.ts";
import { connect } from "../connect.ts";
import { number } from "../job-flags.ts";
import { age, duration } from "../output/amounts.ts";
import { isOver, place, shortId, wants } from "../output/job-words.ts";
import { visible } from "../output/safe.ts";
import type { Style } from "../output/style.ts";
import { stateWord } from "../output/style.ts";
import { table } from "../output/table.ts";

const TABLE_ROWS = 100;
const PAGE_MAX = 1_000;

export default command({
  usage: ["titan ps [-a] [--state STATE] [--run ID] [--name NAME] [--limit N]"],
  about: "Lists the jobs that wait and run, newest first; with -a those that have ended too.",
  examples: [
    ["titan ps -a", "the latest jobs, ended ones too"],
    ["titan ps --state failed --limit 10", "the last ten that failed"],
    ["titan ps -a --json | jq -r '.jobs[].id'", "every id"],
  ],
  flags: {
    all: { type: "boolean", short: "a", help: "jobs that have ended, too" },
    state: {
      type: "string",
      value: "STATE",
      help: "waiting, running, succeeded, failed, cancelled; several with commas",
    },
    run: { type: "string", value: "ID", help: "of that run only" },
    name: { type: "string", value: "NAME", help: "of that name only" },
    limit: {
      type: "string",
      value: "N",
      help: `at most so many; ${TABLE_ROWS} where absent, all with --json`,
    },
  },
  takes: { min: 0, max: 0 },
  async run({ flags, terminal }) {
    const filter: { -readonly [K in keyof JobListQuery]: JobListQuery[K] } = {};
    const narrowed = flags.state !== undefined || flags.run !== undefined || flags.name !== undefined;
    if (flags.state !== undefined) filter.state = flags.state;
    else if (!flags.all && !narrowed) filter.state = "waiting,running";
    if (flags.run !== undefined) filter.run = flags.run;
    if (flags.name !== undefined) filter.name = flags.name;
    const asked = flags.limit === undefined ? undefined : number("limit", flags.limit);
    const most = asked ?? (flags.json ? Number.POSITIVE_INFINITY : TABLE_ROWS);
    const { jobs, more } = await list(connect({ flags }), filter, most);
    if (flags.json) {
      terminal.json({ jobs });
      return 0;
    }
    if (jobs.length === 0) {
      terminal.err(
        `no jobs${filter.state === "waiting,running" ? " wait or run; titan ps -a lists those that have ended" : ""}\n`,
      );
      return 0;
    }
    const width = terminal.outIsTty ? process.stdout.columns : undefined;
    terminal.out(jobTable(jobs, terminal.style, Date.now(), width));
    if (more && asked === undefined) terminal.err(`… and older ones: titan ps --limit N\n`);
    return 0;
  },
});

async function list(
  client: TitanClient,
  filter: JobListQuery,
  most: number,
): Promise<{ jobs: JobView[]; more: boolean }> {
  const jobs: JobView[] = [];
  let cursor: string | null = null;
  do {
    const limit = Math.min(PAGE_MAX, most - jobs.length);
    const page: Awaited<ReturnType<TitanClient["jobs"]>> = await client.jobs({
      ...filter,
      limit,
      ...(cursor === null ? {} : { cursor }),
    });
    jobs.push(...page.jobs);
    cursor = page.next;
  } while (cursor !== null && jobs.length < most);
  return { jobs, more: cursor !== null };
}

export function jobTable(jobs: readonly JobView[], style: Style, now: number, width?: number): string {
  const head = ["ID", "NAME", "STATE", "NODE", "WANTS", "AGE", "DETAIL"];
  const rows = jobs.map((job) => [
    shortId(job.id),
    visible(job.name),
    stateWord(style, job.state),
    place(job),
    wants(job.requirement, style.sign("dot")),
    age(job.submitted_at, now),
    detail(job),
  ]);
  return table(head, rows, width);
}

function detail(job: JobView): string {
  if (job.state === "succeeded" && job.ran_ms !== null) return duration(job.ran_ms);
  if (job.state === "running" && job.ran_ms !== null) return `for ${duration(job.ran_ms)}`;
  const reason = visible(job.reason);
  return isOver(job) && reason === "" ? (job.cause ?? "") : reason;
}
