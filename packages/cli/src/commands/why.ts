import type { WhyView } from "@titan/protocol";
import { command } from "../command.ts";
import { connect, findJob } from "../connect.ts";
import { visible } from "../output/safe.ts";
import type { Style } from "../output/style.ts";
import { stateWord } from "../output/style.ts";
import { table } from "../output/table.ts";

export default command({
  usage: ["titan why JOB"],
  about: "Says why a job waits (or how it ended), and what it lacks on each node.",
  examples: [["titan why train", "what stands between it and its start"]],
  flags: {},
  takes: { min: 1, max: 1 },
  async run({ flags, words, terminal }) {
    const client = connect({ flags });
    const job = await findJob(client, words[0]!);
    const why = await client.why(job.id);
    if (flags.json) terminal.json(why);
    else terminal.out(explain(why, terminal.style));
    return 0;
  },
});

export function explain(why: WhyView, style: Style): string {
  let text = `${style.bold(visible(why.name))}  ${why.id}  ${stateWord(style, why.state)}\n  ${visible(why.reason)}\n`;
  if (why.state !== "waiting") return text;
  if (!why.possible) text += `  ${style.yellow("no node that is connected now can ever run it")}\n`;
  if (why.ahead > 0) text += `  ${why.ahead} ${why.ahead === 1 ? "job comes" : "jobs come"} before it\n`;
  if (why.nodes.length === 0) return text;
  const rows = why.nodes.flatMap((node) => nodeRows(node, style));
  return `${text}\n${indent(table(["NODE", "FITS", "WHAT", "NEEDS", "HAS"], rows))}`;
}

function nodeRows(node: WhyView["nodes"][number], style: Style): string[][] {
  const fits =
    node.fits === "now" ? style.green("now") : node.fits === "never" ? style.red("never") : "later";
  const [first, ...more] = node.misses.map(({ what, need, has }) => [
    visible(what),
    visible(need),
    visible(has),
  ]);
  return [
    [visible(node.node), fits, ...(first ?? ["-", "-", "-"])],
    ...more.map((cells) => ["", "", ...cells]),
  ];
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, "  ");
}
