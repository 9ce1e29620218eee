/** What is known of ended attempts until the master has it, as an append-only file: no file to make for each. */
import { appendFileSync, readFileSync, truncateSync } from "node:fs";
import type { Report } from "@titan/core";
import { attemptKey } from "./attempt-key.ts";

/** Below this size it is not worth a truncation. */
const COMPACT_BYTES = 256 * 1024;

type Line = Report | { readonly gone: readonly string[] };

export class ReportJournal {
  private readonly file: string;
  private readonly known = new Set<string>();
  private bytes = 0;

  constructor(file: string) {
    this.file = file;
  }

  /** Reports of ended attempts whose folders are not removed yet, by attempt; a line that was cut off is passed over. */
  read(): Map<string, Report> {
    const reports = new Map<string, Report>();
    for (const text of readLines(this.file)) {
      const line = parse(text);
      if (line === null) continue;
      if ("gone" in line) for (const key of line.gone) reports.delete(key);
      else if (line.state === "exited") reports.set(attemptKey(line), line);
    }
    for (const key of reports.keys()) this.known.add(key);
    return reports;
  }

  add(report: Report): void {
    this.known.add(attemptKey(report));
    this.append(JSON.stringify(report));
  }

  /** These are over: nobody will ask for them again. */
  drop(keys: readonly string[]): void {
    const gone = keys.filter((key) => this.known.delete(key));
    if (this.known.size === 0 && this.bytes > COMPACT_BYTES) {
      truncateSync(this.file);
      this.bytes = 0;
    } else if (gone.length > 0) this.append(JSON.stringify({ gone }));
  }

  private append(line: string): void {
    // The newline before the first one ends whatever an agent that died had begun.
    const data = this.bytes === 0 ? `\n${line}\n` : `${line}\n`;
    appendFileSync(this.file, data, { mode: 0o600 });
    this.bytes += data.length;
  }
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch {
    return [];
  }
}

function parse(text: string): Line | null {
  try {
    return JSON.parse(text) as Line;
  } catch {
    return null;
  }
}
