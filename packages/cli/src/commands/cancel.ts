import { command } from "../command.ts";
import { connect, findJob } from "../connect.ts";
import { isOver } from "../output/job-words.ts";
import { visible } from "../output/safe.ts";

export default command({
  usage: ["titan cancel JOB… [--wait]", "titan cancel --run ID"],
  about:
    "Ends jobs: what waits never starts; what runs is asked to end and, after its grace, killed with all its processes.",
  examples: [
    ["titan cancel 7f3a", "one job"],
    ["titan cancel --run nightly-1", "every job of a run"],
  ],
  flags: {
    run: { type: "string", value: "ID", help: "all jobs of that run" },
    wait: { type: "boolean", help: "until they have ended" },
  },
  takes: { min: 0, max: 1_000 },
  async run({ flags, words, terminal }) {
    const client = connect({ flags });
    if (flags.run !== undefined) {
      const asked = await client.cancelRun(flags.run);
      const run = flags.wait ? await client.waitRun(flags.run) : asked;
      if (flags.json) terminal.json(run);
      else
        terminal.err(
          `run ${visible(run.id)} is ${run.state === "running" ? "being cancelled" : run.state}\n`,
        );
      return 0;
    }
    if (words.length === 0) {
      const { TitanError } = await import("@titan/protocol");
      throw new TitanError("usage", "titan cancel needs a job, or --run ID", {
        hint: "titan ps lists the jobs.",
      });
    }
    for (const word of words) {
      const { id } = await findJob(client, word);
      const asked = await client.cancel(id);
      const job = flags.wait ? await client.wait(id) : asked;
      if (flags.json) terminal.json(job);
      else
        terminal.err(
          `${visible(job.name)} ${job.id} ${isOver(job) ? `has ended: ${job.state}` : "is being cancelled"}\n`,
        );
    }
    return 0;
  },
});
