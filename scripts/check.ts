/** Formatter, linter and types of both languages. `--fix` puts right what they can, then checks what is left. */
import { parseArgs } from "node:util";
import { runChecks } from "./stages.ts";

const { values: flags } = parseArgs({ options: { fix: { type: "boolean", default: false } } });
const counts = await runChecks({ fix: flags.fix });
process.exitCode = counts.failed > 0 ? 1 : 0;
