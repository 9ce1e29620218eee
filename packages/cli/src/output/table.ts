/** Columns as wide as their longest cell; the last one is cut to the terminal's width. */
import { stripVTControlCharacters } from "node:util";

/** `width` undefined means no limit: what goes into a pipe is whole. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], width?: number): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => cells(row[column] ?? ""))));
  return all.map((row) => `${fit(row, widths, width).trimEnd()}\n`).join("");
}

function fit(row: readonly string[], widths: readonly number[], width: number | undefined): string {
  const last = row.length - 1;
  const before = row
    .slice(0, last)
    .map((cell, column) => cell + " ".repeat(widths[column]! - cells(cell) + 2));
  const head = before.join("");
  return head + cut(row[last] ?? "", width === undefined ? undefined : width - cells(head));
}

function cut(text: string, width: number | undefined): string {
  if (width === undefined || cells(text) <= width) return text;
  if (width < 8) return text;
  return `${stripVTControlCharacters(text).slice(0, width - 1)}…`;
}

function cells(text: string): number {
  return stripVTControlCharacters(text).length;
}
