/** Runs the simulator over every mutant, each in a process of its own, and counts those that it catches. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { MUTANTS } from "./mutants.ts";

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));
const PRELOAD = new URL("mutate.ts", import.meta.url).href;
const AT_ONCE = 2;
/** A bug may make a seed take for ever; then it counts as caught by the clock, and is said so. */
const LIMIT_MS = 60_000;

interface Verdict {
  readonly id: string;
  /** What the first check said; null where none did. */
  readonly said: string | null;
}

/** `seeds`: how many each mutant has to survive to escape. Answers whether every mutant was caught. */
export async function hunt(seeds: number): Promise<boolean> {
  const left = [...MUTANTS];
  const verdicts: Verdict[] = [];
  const work = async (): Promise<void> => {
    for (let mutant = left.shift(); mutant !== undefined; mutant = left.shift()) {
      const verdict = await tryOne(mutant.id, seeds);
      verdicts.push(verdict);
      console.log(
        `${verdict.said === null ? "ESCAPED" : "caught "} ${verdict.id}${verdict.said === null ? "" : ` -- ${verdict.said}`}`,
      );
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const caught = verdicts.filter(({ said }) => said !== null).length;
  console.log(`${caught} of ${MUTANTS.length} mutants caught within ${seeds} seeds`);
  return caught === MUTANTS.length;
}

function tryOne(id: string, seeds: number): Promise<Verdict> {
  return new Promise((resolve, reject) => {
    const args = [
      "--disable-warning=ExperimentalWarning",
      `--import=${PRELOAD}`,
      MAIN,
      "--seeds",
      String(seeds),
      "--first",
    ];
    const child = spawn(process.execPath, args, { env: { ...process.env, TITAN_SIM_MUTANT: id } });
    let output = "";
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill("SIGKILL");
    }, LIMIT_MS);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(timer);
      if (output.includes("does not apply")) reject(new Error(`the mutant does not apply any more: ${id}`));
      const found = /^seed \d+: (?!trace)(.*)$/m.exec(output)?.[1];
      const said = late
        ? "the seed never ended"
        : code === 0
          ? null
          : (found ?? output.trim().split("\n").at(-1) ?? "");
      resolve({ id, said: said === null ? null : said.slice(0, 110) });
    });
  });
}
