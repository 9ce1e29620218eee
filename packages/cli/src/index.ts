export { COMMANDS } from "./commands/index.ts";
export { runTitan } from "./run-titan.ts";
