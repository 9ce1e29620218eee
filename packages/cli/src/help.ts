/** Help, made from the table of commands. */
import { VERSION } from "@titan/protocol";
import type { Command, Flag } from "./command.ts";
import { GLOBAL_FLAGS } from "./command.ts";
import { COMMANDS } from "./commands/index.ts";
import { makeStyle } from "./output/style.ts";

const GROUPS = { cluster: "Cluster", jobs: "Jobs", more: "More" } as const;

export function overview(color: boolean): string {
  const { bold, dim } = makeStyle(color, false);
  const width = Math.max(...COMMANDS.map(({ name }) => name.length)) + 2;
  const groups = Object.entries(GROUPS).map(([group, title]) => {
    const rows = COMMANDS.filter((entry) => entry.group === group).map(
      ({ name, summary }) => `  ${bold(name.padEnd(width))}${summary}\n`,
    );
    return `\n${title}\n${rows.join("")}`;
  });
  const start = [
    "\nFirst steps\n",
    `  titan dev                              ${dim("a cluster on this machine")}\n`,
    `  titan run --gpus 1 -- nvidia-smi       ${dim("on a node with a GPU, wherever that is")}\n`,
    `\ntitan help COMMAND says more; every command takes --json and --url.\n`,
  ];
  return `titan ${VERSION}: runs each job on a node whose hardware fits\n\nusage  titan COMMAND …\n${groups.join("")}${start.join("")}`;
}

export function commandHelp(name: string, command: Command, color: boolean): string {
  const { bold } = makeStyle(color, false);
  const summary = COMMANDS.find((entry) => entry.name === name)?.summary ?? "";
  const usage = command.usage.map((line, at) => `${at === 0 ? "usage  " : "       "}${line}\n`).join("");
  const about = command.about === "" ? "" : `\n${command.about}\n`;
  const own = flagLines(command.flags);
  const flags = own === "" ? "" : `\n${bold("Flags")}\n${own}`;
  const all = `\n${bold("Flags of every command")}\n${flagLines(GLOBAL_FLAGS)}`;
  const examples = `\n${bold("Examples")}\n${exampleLines(command.examples)}`;
  return `${bold(`titan ${name}`)}: ${summary}\n\n${usage}${about}${flags}${all}${examples}`;
}

function flagLines(flags: Readonly<Record<string, Flag>>): string {
  const rows = Object.entries(flags)
    .filter(([, flag]) => !flag.hidden)
    .map(([name, flag]) => {
      const short = flag.short === undefined ? "    " : `-${flag.short}, `;
      const value = flag.type === "boolean" ? "" : ` ${flag.value ?? "VALUE"}`;
      return [
        `${short}--${name}${value}`,
        `${flag.help}${flag.multiple ? " (may be repeated)" : ""}`,
      ] as const;
    });
  const width = Math.max(0, ...rows.map(([left]) => left.length)) + 2;
  return rows.map(([left, right]) => `  ${left.padEnd(width)}${right}\n`).join("");
}

function exampleLines(examples: Command["examples"]): string {
  const width = Math.max(...examples.map(([line]) => line.length)) + 2;
  return examples.map(([line, what]) => `  ${line.padEnd(width)}${what}\n`).join("");
}
