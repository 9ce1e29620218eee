/** `npm run sim`: many seeds, each a whole cluster; a seed that finds something prints the command that shows it again. */
import { parseArgs } from "node:util";
import { hunt } from "./hunt.ts";
import { type SimulationResult, simulate } from "./simulate.ts";

const { values: flags } = parseArgs({
  options: {
    seeds: { type: "string", default: "200" },
    from: { type: "string", default: "1" },
    store: { type: "string", default: "memory" },
    nodes: { type: "string", default: "8" },
    jobs: { type: "string", default: "120" },
    overlaps: { type: "boolean", default: false },
    trace: { type: "boolean", default: false },
    mutants: { type: "boolean", default: false },
    first: { type: "boolean", default: false },
  },
});

/** Enough to see a pattern. */
const FAILURES_MAX = 3;
const LINES = 40;

async function main(): Promise<number> {
  const { store } = flags;
  if (flags.mutants) return (await hunt(Number(flags.seeds))) ? 0 : 1;
  if (store !== "memory" && store !== "sqlite") {
    console.error(`--store is memory or sqlite, not ${store}`);
    return 2;
  }
  const [seeds, from, nodes, jobs] = [flags.seeds, flags.from, flags.nodes, flags.jobs].map(Number) as [
    number,
    number,
    number,
    number,
  ];
  const { overlaps, trace: full } = flags;
  const started = performance.now();
  let failed = 0;
  let done = 0;
  let steps = 0;
  let virtualMs = 0;
  for (let seed = from; seed < from + seeds && failed < (flags.first ? 1 : FAILURES_MAX); seed++) {
    const result = await simulate({ seed, store, nodes, jobs, overlaps, full });
    done += 1;
    steps += result.steps;
    virtualMs += result.virtualMs;
    if (full) console.log(result.lines.join("\n"));
    if (seeds === 1) console.log(`seed ${seed}: trace ${result.hash}`);
    if (result.wrong.length === 0) continue;
    failed += 1;
    if (!full)
      printFailure(
        result,
        `--store ${store} --nodes ${nodes} --jobs ${jobs}${overlaps ? " --overlaps" : ""}`,
      );
  }
  const seconds = (performance.now() - started) / 1000;
  console.log(
    `${done} seeds on ${store}: ${failed} failed; ${(done / seconds).toFixed(0)} seeds/s, ${Math.round(steps / seconds / 1000)}k events/s, ${Math.round(virtualMs / 1000 / seconds)} virtual seconds a second`,
  );
  return failed === 0 ? 0 : 1;
}

function printFailure({ seed, wrong, lines }: SimulationResult, options: string): void {
  console.log(lines.slice(-LINES).join("\n"));
  for (const what of wrong) console.log(`seed ${seed}: ${what}`);
  console.log(`replay: npm run sim -- --seeds 1 --from ${seed} ${options} --trace\n`);
}

process.exitCode = await main();
