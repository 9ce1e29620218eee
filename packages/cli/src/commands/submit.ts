import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { JobInput } from "@titan/sdk";
import { jobFromFile, TitanError } from "@titan/sdk";
import type { Flags, Invocation } from "../command.ts";
import { command } from "../command.ts";
import { connectPatiently } from "../connect.ts";
import { JOB_FLAGS, jobFields, parentIds } from "../job-flags.ts";
import { namedFiles } from "../local-files.ts";
import { shortId } from "../output/job-words.ts";
import { visible } from "../output/safe.ts";
import { stateWord } from "../output/style.ts";
import { table } from "../output/table.ts";
import { pipelineJobs } from "../pipeline.ts";
import { ending } from "../watch/outcome.ts";

const FLAGS = {
  ...JOB_FLAGS,
  file: { type: "string", value: "PATH", multiple: true, help: "a file or folder to bring along" },
  wait: { type: "boolean", help: "until it has ended; the exit code says how" },
} as const satisfies Flags;

type Submit = Invocation<typeof FLAGS>;

export default command({
  usage: ["titan submit SCRIPT [ARGUMENT]… [flags]", "titan submit PIPELINE.yaml [--wait]"],
  about:
    "Submits a script, or the jobs of a pipeline file, and prints ids. Arguments that start with '-' go behind `--`.",
  examples: [
    ["titan submit train.py --gpus 1 -- --epochs 3", "a script with arguments of its own"],
    ["titan submit nightly.yaml --wait", "a pipeline; exits with 1 if a job fails"],
  ],
  flags: FLAGS,
  takes: { min: 1, max: 10_000 },
  async run(invocation) {
    // Each reads its files and flags first: what is wrong here is said first, master or not.
    return /\.ya?ml$/i.test(invocation.words[0]!)
      ? await submitPipeline(invocation)
      : await submitScript(invocation);
  },
});

async function submitScript(invocation: Submit): Promise<number> {
  const { flags, words, terminal } = invocation;
  const [script = "", ...args] = words;
  const own: JobInput = await jobFromFile(script, {
    ...jobFields(flags),
    ...(flags.name === undefined ? {} : { name: flags.name }),
    args,
    local: await namedFiles(flags.file),
  });
  const client = await connectPatiently(invocation);
  const job: JobInput = { ...own, ...(await parentIds(flags)) };
  const run = flags.run === undefined ? null : { id: flags.run };
  const submitted = await client.submit({ run, jobs: [job] });
  const handle = client.handle(submitted);
  if (!flags.wait) {
    if (flags.json) terminal.json(submitted);
    else terminal.out(`${handle.id}\n`);
    return 0;
  }
  if (!flags.json) terminal.err(`submitted ${visible(handle.name)} ${handle.id}; waiting for its end\n`);
  const end = await handle.wait();
  if (flags.json) terminal.json(end);
  else terminal.out(`${handle.id}  ${stateWord(terminal.style, end.state)}\n`);
  if (end.state === "succeeded") return 0;
  if (flags.json) return 1;
  throw new TitanError("job-failed", ending(end), {
    hint: `titan logs ${shortId(end.id)} shows what it printed.`,
  });
}

async function submitPipeline(invocation: Submit): Promise<number> {
  const { flags, words, terminal } = invocation;
  const [path = "", ...more] = words;
  if (more.length > 0) throw new TitanError("usage", `a pipeline file takes no arguments: ${more[0]}`);
  const isGiven = (value: unknown) => (Array.isArray(value) ? value.length > 0 : value !== undefined);
  const given = Object.entries(flags).filter(
    ([key, value]) => Object.hasOwn(JOB_FLAGS, key) && isGiven(value),
  );
  if (given[0] !== undefined) {
    throw new TitanError(
      "usage",
      `--${given[0][0]} is for a single script; a pipeline file says itself what its jobs need`,
    );
  }
  const text = await readFile(path, "utf8").catch((error: Error) => {
    throw new TitanError("script-not-found", `${path} cannot be read`, { cause: error });
  });
  const client = await connectPatiently(invocation);
  const pipeline = await client.yaml(text);
  const run = await client.submitDag(pipeline.name, await pipelineJobs(pipeline, dirname(join(path))));
  const ids = run.jobs.map(({ id, name }) => ({ id, name }));
  if (!flags.wait) {
    if (flags.json) terminal.json({ run: run.id, jobs: ids });
    else
      terminal.out(
        `run ${run.id}\n${table(
          ["ID", "JOB"],
          ids.map(({ id, name }) => [id, visible(name)]),
        )}`,
      );
    return 0;
  }
  if (!flags.json) terminal.err(`submitted ${ids.length} jobs as run ${run.id}; waiting for their end\n`);
  const end = await run.wait();
  const jobs = await Promise.all(run.jobs.map((job) => job.status()));
  if (flags.json) terminal.json({ run: end.id, state: end.state, counts: end.counts, jobs });
  else {
    const rows = jobs.map((job) => [
      shortId(job.id),
      visible(job.name),
      stateWord(terminal.style, job.state),
      visible(job.reason),
    ]);
    terminal.out(`run ${end.id} ${end.state}\n${table(["ID", "JOB", "STATE", "REASON"], rows)}`);
  }
  return end.state === "succeeded" ? 0 : 1;
}
