import { command } from "../command.ts";
import { connectPatiently, findJob } from "../connect.ts";
import { number } from "../job-flags.ts";
import { LogPrinter } from "../output/log-printer.ts";

export default command({
  usage: ["titan logs [-f] [--stdout|--stderr] [--attempt N] [--tail BYTES] JOB"],
  about:
    "Prints what a job printed: its stdout on stdout, its stderr and what Titan says on stderr. Into a file or a pipe the bytes are exact.",
  examples: [
    ["titan logs -f train", "as it comes, until the job has ended"],
    ["titan logs --stdout 7f3a > out.bin", "the exact bytes of one stream"],
    ["titan logs --json train | jq -r '.data // empty | @base64d'", "for scripts"],
  ],
  flags: {
    follow: { type: "boolean", short: "f", help: "goes on until the job has ended" },
    stdout: { type: "boolean", help: "only what it printed to stdout" },
    stderr: { type: "boolean", help: "only what it printed to stderr" },
    attempt: { type: "string", value: "N", help: "of that attempt only; all where absent" },
    tail: { type: "string", value: "BYTES", help: "only the end of the latest attempt's" },
  },
  takes: { min: 1, max: 1 },
  async run({ flags, words, terminal }) {
    const client = await connectPatiently({ flags });
    const job = await findJob(client, words[0]!);
    const only =
      flags.stdout === flags.stderr ? undefined : flags.stdout ? ("stdout" as const) : ("stderr" as const);
    const records = client.logRecords(job.id, {
      follow: flags.follow,
      stream: only,
      attempt: flags.attempt === undefined ? undefined : number("attempt", flags.attempt),
      tailBytes: flags.tail === undefined ? undefined : number("tail", flags.tail),
    });
    const printer = new LogPrinter(terminal, () => "");
    for await (const record of records) {
      if (flags.json) await terminal.write("stdout", `${JSON.stringify(record)}\n`);
      else await printer.print(record);
    }
    await printer.end();
    return 0;
  },
});
