import { VERSION } from "@titan/protocol";
import { command } from "../command.ts";

export default command({
  usage: ["titan version"],
  about: "Prints the version of this command.",
  examples: [["titan version --json", "with that of Node"]],
  flags: {},
  takes: { min: 0, max: 0 },
  async run({ flags, terminal }) {
    if (flags.json) terminal.json({ version: VERSION, node: process.version });
    else terminal.out(`titan ${VERSION}\n`);
    return 0;
  },
});
