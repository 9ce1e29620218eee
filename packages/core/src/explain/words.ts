import { type Miss, NO_LABEL } from "../place/fit.ts";
import { formatBytes } from "./units.ts";

/** The amounts of a miss as people write them: `1.5`, `16 GiB`, `2`, `true`. */
export function missAmounts({ dimension, need, has }: Miss): { need: string; has: string } {
  const write = (value: number | string): string => {
    if (dimension === "memory" && typeof value === "number") return formatBytes(value);
    if (dimension === "cpus" && typeof value === "number") return `${value / 1_000}`;
    return `${value}`;
  };
  return { need: write(need), has: write(has) };
}

/** `has 0 gpus, needs 1`: the first thing that is missing, to follow a node's name. */
export function phraseMisses(misses: readonly Miss[]): string {
  const [miss] = misses;
  if (miss === undefined) return "has it all";
  const { need, has } = missAmounts(miss);
  if (miss.dimension !== "label") return `has ${has} ${miss.what}, needs ${need}`;
  const name = miss.what.slice("label ".length);
  return has === NO_LABEL ? `has no label ${name}=${need}` : `has label ${name}=${has}, needs ${need}`;
}
