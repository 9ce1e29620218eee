/** The folders of a node's attempts: where they are, what is kept in them, and how they go. */
import { execFile } from "node:child_process";
import { appendFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Report } from "@titan/core";
import type { StartOrder } from "@titan/protocol/link";
import type { Log } from "../log.ts";
import { LaunchError } from "./argv.ts";

export interface Folders {
  /** The attempt's own folder: `code/`, `work/`, `stdout`, `stderr`, `titan`, `report.json`. */
  attempt(key: string): string;
  /** The job's working directory. */
  cwd(order: Pick<StartOrder, "jobId" | "number" | "runId">): string;
  /** Adds to the attempt's own log file; for people and a later agent, the log itself is sent from memory. */
  note(key: string, line: Uint8Array): void;
  saveReport(key: string, report: Report): void;
  /** What the job has written so far. */
  outputBytes(key: string): { stdout: number; stderr: number };
  remove(key: string): void;
}

/** What an earlier agent left: an attempt that had ended, or one that was running when that agent died. */
export interface Leftover {
  readonly key: string;
  readonly report: Report | null;
  readonly titan: Uint8Array;
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
}

const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
/** Folders for one `rm`, and how long they are gathered. */
const REMOVALS = 500;
const GATHER_MS = 500;

export function attemptKey(ref: { readonly jobId: string; readonly number: number }): string {
  return `${ref.jobId}.${ref.number}`;
}

export class NodeFolders implements Folders {
  private readonly state: string;
  private readonly log: Log;
  private readonly doomed: string[] = [];
  private removing = false;
  private soon: NodeJS.Timeout | null = null;
  private idle: (() => void)[] = [];

  constructor(state: string, log: Log) {
    this.state = state;
    this.log = log;
    for (const name of ["attempts", "runs"]) mkdirSync(join(state, name), { recursive: true, mode: 0o700 });
  }

  attempt(key: string): string {
    return join(this.state, "attempts", key);
  }

  cwd(order: Pick<StartOrder, "jobId" | "number" | "runId">): string {
    if (!NAME.test(order.jobId) || (order.runId !== null && !NAME.test(order.runId))) {
      throw new LaunchError("its id cannot be a folder's name");
    }
    if (order.runId !== null) return join(this.state, "runs", order.runId);
    return join(this.attempt(attemptKey(order)), "work");
  }

  note(key: string, line: Uint8Array): void {
    this.attend(key, (dir) => appendFileSync(join(dir, "titan"), line, { mode: 0o600 }));
  }

  /** Written before the master is told, so that an agent that dies in between still knows how the job ended. */
  saveReport(key: string, report: Report): void {
    this.attend(key, (dir) =>
      writeFileSync(join(dir, "report.json"), JSON.stringify(report), { mode: 0o600 }),
    );
  }

  outputBytes(key: string): { stdout: number; stderr: number } {
    const dir = this.attempt(key);
    return { stdout: sizeOf(join(dir, "stdout")), stderr: sizeOf(join(dir, "stderr")) };
  }

  /** In the background and in another process: a job may have left a million files. */
  remove(key: string): void {
    this.doomed.push(key);
    if (!this.removing) this.soon ??= setTimeout(() => this.removeNext(), GATHER_MS);
  }

  /** Resolves when nothing is left to remove. */
  async settled(): Promise<void> {
    if (this.soon !== null) {
      clearTimeout(this.soon);
      this.removeNext();
    }
    if (this.removing) await new Promise<void>((resolve) => this.idle.push(resolve));
  }

  leftovers(): Leftover[] {
    const found: Leftover[] = [];
    for (const key of readdirSync(join(this.state, "attempts"))) {
      const dir = this.attempt(key);
      const report = readReport(join(dir, "report.json"), key);
      const titan = sizeOf(join(dir, "titan")) > 0 ? readFileSync(join(dir, "titan")) : new Uint8Array();
      const wasStarted = statSync(join(dir, "stdout"), { throwIfNoEntry: false }) !== undefined;
      if (report !== null || (wasStarted && /\.[0-9]+$/.test(key))) {
        const { stdout, stderr } = this.outputBytes(key);
        found.push({ key, report, titan, stdoutBytes: stdout, stderrBytes: stderr });
      } else this.remove(key);
    }
    return found;
  }

  /** A full disk must not end the agent: the master is told all the same, only a later agent would not know. */
  private attend(key: string, write: (dir: string) => void): void {
    const dir = this.attempt(key);
    try {
      try {
        write(dir);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
        mkdirSync(dir, { recursive: true, mode: 0o700 });
        write(dir);
      }
    } catch (error) {
      this.log.warn({ attempt: key, error: String(error) }, "cannot write into the attempt's folder");
    }
  }

  /** By one `rm` for many: 0.05 ms a folder, where Node's own rm took 0.47 ms of the agent's thread. */
  private removeNext(): void {
    this.soon = null;
    const batch = this.doomed.splice(0, REMOVALS);
    if (batch.length === 0) {
      for (const resolve of this.idle.splice(0)) resolve();
      return;
    }
    this.removing = true;
    const paths = batch.map((key) => this.attempt(key));
    execFile("rm", ["-rf", "--", ...paths], (error) => {
      if (error !== null)
        this.log.warn({ error: error.message.slice(0, 500) }, "cannot remove attempts' folders");
      this.removing = false;
      this.removeNext();
    });
  }
}

/** Without a process there is nothing to keep. */
export const noFolders: Folders = {
  attempt: (key) => `/nonexistent/${key}`,
  cwd: () => "/",
  note() {},
  saveReport() {},
  outputBytes: () => ({ stdout: 0, stderr: 0 }),
  remove() {},
};

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function readReport(file: string, key: string): Report | null {
  try {
    const report = JSON.parse(readFileSync(file, "utf8")) as Report;
    return report.state === "exited" && attemptKey(report) === key ? report : null;
  } catch {
    return null;
  }
}
