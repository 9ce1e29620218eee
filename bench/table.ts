/** The rows for people: on the terminal, and in README.md. */
import type { Row } from "./row.ts";

/** Three figures that mean something, and no more. */
function figure(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toPrecision(3);
}

function cells(row: Row): string[] {
  return [
    row.name,
    `${figure(row.value)} ${row.unit}`,
    row.floor === null ? "" : `${figure(row.floor)} (${row.floorOf})`,
    row.ratio === null ? "" : figure(row.ratio),
  ];
}

const HEAD = ["row", "value", "floor", "ratio"];

export function textTable(rows: readonly Row[]): string {
  const table = [HEAD, ...rows.map(cells)];
  const widths = HEAD.map((_, column) => Math.max(...table.map((line) => (line[column] ?? "").length)));
  return table
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

export function markdownTable(rows: readonly Row[], machine: string): string {
  const line = (values: readonly string[]) => `| ${values.join(" | ")} |`;
  return [
    `On ${machine}.`,
    "",
    line(HEAD),
    line(HEAD.map(() => "---")),
    ...rows.map((row) => line(cells(row))),
  ].join("\n");
}
