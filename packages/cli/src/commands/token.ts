import { TitanError } from "@titan/protocol";
import { discover, stateHome } from "@titan/sdk";
import { command } from "../command.ts";

export default command({
  usage: ["titan token"],
  about: "Prints the token that this user's commands, programs and nodes show to the master.",
  examples: [["TITAN_TOKEN=$(titan token) …", "for a node or a program elsewhere"]],
  flags: {},
  takes: { min: 0, max: 0 },
  async run({ flags, terminal }) {
    const { token } = discover({ url: flags.url });
    if (token === null) {
      throw new TitanError(
        "unauthorized",
        `there is no token yet: none in ${stateHome()}, none in TITAN_TOKEN`,
        {
          hint: "The first start of a master makes one: titan dev, or titan serve.",
        },
      );
    }
    if (flags.json) terminal.json({ token });
    else terminal.out(`${token}\n`);
    return 0;
  },
});
