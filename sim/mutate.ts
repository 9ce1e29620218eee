/** Loaded before everything else of a mutant's process: puts the bug named by TITAN_SIM_MUTANT into the text of its file. */
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";
import { MUTANTS } from "./mutants.ts";

const id = process.env.TITAN_SIM_MUTANT;
const mutant = MUTANTS.find((each) => each.id === id);
if (mutant === undefined) throw new Error(`there is no mutant called ${id}`);
const { file, text, becomes } = mutant;

registerHooks({
  load(url, context, next) {
    if (!url.endsWith(`/${file}`)) return next(url, context);
    const source = readFileSync(fileURLToPath(url), "utf8");
    if (source.split(text).length !== 2) throw new Error(`the mutant does not apply: ${id}`);
    return { format: "module-typescript", source: source.replace(text, () => becomes), shortCircuit: true };
  },
});
