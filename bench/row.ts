/** What the bench measures: one row a figure, beside what the same machine does without Titan in the same run. */
import type { Floors } from "./floors.ts";

export interface Row {
  /** Fixed: others script against it. */
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The machine's own figure in the same unit, and what it is of; null where there is nothing to compare with. */
  readonly floor: number | null;
  readonly floorOf: string;
  /** value / floor. Of a time: how many times longer. Of a rate: what part of it is reached. */
  readonly ratio: number | null;
}

export interface Group {
  /** What `--only` names; the rows of a group are measured together. */
  readonly rows: readonly string[];
  readonly measure: (floors: Floors) => Promise<Row[]>;
}

export function row(
  name: string,
  value: number,
  unit: string,
  floor: number | null = null,
  floorOf = "",
): Row {
  return { name, value, unit, floor, floorOf, ratio: floor === null ? null : value / floor };
}

/** The middle of the samples: on a shared machine the mean says more about the neighbours. */
export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const high = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? high : (high + (sorted[middle - 1] ?? Number.NaN)) / 2;
}
