import { command } from "../command.ts";
import { bytes, cpus } from "../output/amounts.ts";
import { visible } from "../output/safe.ts";
import { table } from "../output/table.ts";

export default command({
  usage: ["titan hw"],
  about: "Shows what this machine would offer as a node: what was looked for, what was found, what is wrong.",
  examples: [["titan hw --json", "for scripts"]],
  flags: {},
  takes: { min: 0, max: 0 },
  async run({ flags, terminal }) {
    const { probe } = await import("@titan/agent");
    const { capacity, evidence, warnings } = await probe();
    if (flags.json) {
      terminal.json({
        cpus: capacity.cpuMillis / 1_000,
        memory: capacity.memoryBytes,
        gpus: capacity.devices.map(({ index, vendor, model, memoryBytes, uuid }) => ({
          index,
          vendor,
          model,
          memory: memoryBytes,
          uuid,
        })),
        evidence,
        warnings,
      });
      return 0;
    }
    const { bold, dim, yellow } = terminal.style;
    const offered = {
      cpu: cpus(capacity.cpuMillis / 1_000),
      memory: bytes(capacity.memoryBytes),
      gpu: capacity.devices.length === 0 ? "0" : capacity.devices.map(deviceName).join(", "),
    };
    for (const [about, amount] of Object.entries(offered)) {
      terminal.out(`  ${bold(about.padEnd(8))}${visible(amount)}\n`);
      const looked = evidence
        .filter((each) => each.about === about)
        .map((each) => [visible(each.looked), visible(each.found)]);
      const [head, ...rows] = looked;
      if (head !== undefined) terminal.out(dim(table(head, rows).replace(/^(?=.)/gm, "          ")));
    }
    for (const warning of warnings) terminal.out(`  ${yellow("!")} ${visible(warning)}\n`);
    return 0;
  },
});

function deviceName({
  model,
  memoryBytes,
  index,
}: {
  model: string;
  memoryBytes: number;
  index: number;
}): string {
  return `${model}${memoryBytes > 0 ? ` ${bytes(memoryBytes)}` : ""} (${index})`;
}
