import { TitanError } from "@titan/protocol";
import { command } from "../command.ts";
import { commandHelp, overview } from "../help.ts";
import { nearest } from "../nearest.ts";
import { COMMANDS } from "./index.ts";

export default command({
  usage: ["titan help [COMMAND]"],
  about: "Lists the commands, or says what one does.",
  examples: [["titan help run", "what titan run takes"]],
  flags: {},
  takes: { min: 0, max: 2 },
  async run({ flags, words, terminal }) {
    if (words.length === 0) {
      if (flags.json) terminal.json({ commands: COMMANDS.map(({ name, summary }) => ({ name, summary })) });
      else terminal.out(overview(terminal.color));
      return 0;
    }
    const name = words.join(" ");
    const entry = COMMANDS.find((each) => each.name === name || each.name.startsWith(`${name} `));
    if (entry === undefined) {
      const close = nearest(
        name,
        COMMANDS.map((each) => each.name),
      );
      throw new TitanError(
        "usage",
        `there is no command titan ${name}${close === null ? "" : `; did you mean titan ${close}?`}`,
      );
    }
    const { default: found } = await entry.load();
    if (flags.json) {
      const { usage, about, examples, flags: own } = found;
      terminal.json({ name: entry.name, summary: entry.summary, usage, about, examples, flags: own });
    } else terminal.out(commandHelp(entry.name, found, terminal.color));
    return 0;
  },
});
