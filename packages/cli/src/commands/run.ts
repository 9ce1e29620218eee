import { basename, extname } from "node:path";
import type { JobInput } from "@titan/sdk";
import { nameFrom } from "@titan/sdk";
import { catchSignals } from "../cluster/signals.ts";
import type { Flags } from "../command.ts";
import { command } from "../command.ts";
import { connectPatiently } from "../connect.ts";
import { JOB_FLAGS, jobFields, parentIds } from "../job-flags.ts";
import { namedFiles } from "../local-files.ts";
import { watchJob } from "../watch/job-watch.ts";

const FLAGS = {
  ...JOB_FLAGS,
  file: { type: "string", value: "PATH", multiple: true, help: "a file or folder to bring along" },
  detach: { type: "boolean", short: "d", help: "prints the job's id and does not wait" },
  quiet: { type: "boolean", short: "q", help: "only what the job prints" },
} as const satisfies Flags;

export default command({
  usage: ["titan run [flags] -- COMMAND [ARGUMENT]…"],
  about: [
    "Runs a command on a node that fits and shows what it prints; Ctrl-C cancels it.",
    "Flags go before the command. It starts in an empty folder of its own; with --file, in the one that holds those files.",
    "Exits with the command's own code, with 128+n if signal n ended it, with 125 if Titan could not run it to its end.",
  ].join("\n"),
  examples: [
    ["titan run -- echo hello", "anywhere"],
    ["titan run --gpus 1 --file train.py -- python3 train.py", "on a node with a free GPU"],
    ["titan run --memory 16G --timeout 2h --label fast -- ./work", "by memory and label"],
  ],
  flags: FLAGS,
  takes: "rest",
  async run({ flags, words, terminal }) {
    const signals = catchSignals({ pipe: true });
    // What is wrong here is said first, master or not.
    const own = {
      name: flags.name ?? nameOf(words),
      ...jobFields(flags),
      ...(await program(words, flags.file)),
    };
    const client = await connectPatiently({ flags });
    const job: JobInput = { ...own, ...(await parentIds(flags)) };
    const run = flags.run === undefined ? null : { id: flags.run };
    const submitted = await client.submit({ run, jobs: [job] });
    const handle = client.handle(submitted);
    if (flags.json) terminal.json({ event: "submitted", id: handle.id, name: handle.name, run: handle.run });
    if (flags.detach) {
      if (!flags.json) terminal.out(`${handle.id}\n`);
      return 0;
    }
    return await watchJob({ client, job: handle, terminal, json: flags.json, quiet: flags.quiet, signals });
  },
});

/** A command looks for files where it starts: with files of its own it starts among them. */
const IN_CODE_DIR = 'cd "$TITAN_CODE_DIR" && exec "$@"';

async function program(words: readonly string[], paths: readonly string[]): Promise<Partial<JobInput>> {
  if (paths.length === 0) return { command: [...words] };
  return { command: ["/bin/sh", "-c", IN_CODE_DIR, "titan", ...words], local: await namedFiles(paths) };
}

/** `python3 jobs/train.py --fast` is called `train`, `/usr/bin/make all` is called `make`. */
function nameOf(words: readonly string[]): string {
  const script = words.slice(0, 4).find((word) => /\.(py|sh)$/.test(word));
  const word = script ?? words[0] ?? "job";
  return nameFrom(basename(word, script === undefined ? "" : extname(word)));
}
