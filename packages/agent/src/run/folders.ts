/** The folders of a node's attempts: where they are, what is kept in them, and how they go. */
import { execFile } from "node:child_process";
import { appendFileSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Report } from "@titan/core";
import type { StartOrder } from "@titan/protocol/link";
import type { Log } from "../log.ts";
import { LaunchError } from "./argv.ts";
import { attemptKey } from "./attempt-key.ts";
import { ReportJournal } from "./journal.ts";

export interface Folders {
  /** The attempt's own folder: `code/`, `work/`, `stdout`, `stderr`, `titan`. */
  attempt(key: string): string;
  /** The job's working directory. */
  cwd(order: Pick<StartOrder, "jobId" | "number" | "runId">): string;
  /** Adds to the attempt's own log file; for people and a later agent, the log itself is sent from memory. */
  note(key: string, line: Uint8Array): void;
  saveReport(report: Report): void;
  /** What the job has written so far. */
  outputBytes(key: string): { stdout: number; stderr: number };
  /** The attempt is over and forgotten; `bytes` is what it wrote. */
  remove(key: string, bytes?: number): void;
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
/** Folders for one `rm`. */
const REMOVALS = 500;
/**
 * Removals wait for a pause in the starts, or until this many folders or bytes have gathered: they compete for the disk
 * with the jobs that start. On an ext4 without journal a file took 0.5 ms to create right after thousands were removed,
 * and 0.02 ms before.
 */
const PAUSE_MS = 1_000;
const GATHERED_MAX = 5_000;
const GATHERED_BYTES_MAX = 64 * 1024 * 1024;

export class NodeFolders implements Folders {
  private readonly state: string;
  private readonly log: Log;
  private readonly journal: ReportJournal;
  private readonly doomed: string[] = [];
  private doomedBytes = 0;
  private removing = false;
  private soon: NodeJS.Timeout | null = null;
  private idle: (() => void)[] = [];

  constructor(state: string, log: Log) {
    this.state = state;
    this.log = log;
    for (const name of ["attempts", "runs"]) mkdirSync(join(state, name), { recursive: true, mode: 0o700 });
    this.journal = new ReportJournal(join(state, "reports.jsonl"));
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
  saveReport(report: Report): void {
    this.tolerate(attemptKey(report), () => this.journal.add(report));
  }

  outputBytes(key: string): { stdout: number; stderr: number } {
    const dir = this.attempt(key);
    return { stdout: sizeOf(join(dir, "stdout")), stderr: sizeOf(join(dir, "stderr")) };
  }

  /** In the background and in another process: a job may have left a million files. */
  remove(key: string, bytes = 0): void {
    this.doomed.push(key);
    this.doomedBytes += bytes;
    if (this.removing) return;
    if (this.doomed.length >= GATHERED_MAX || this.doomedBytes >= GATHERED_BYTES_MAX) this.removeNext();
    else if (this.soon === null) this.soon = setTimeout(() => this.removeNext(), PAUSE_MS);
    else this.soon.refresh();
  }

  /** Resolves when nothing is left to remove. */
  async settled(): Promise<void> {
    if (this.soon !== null) this.removeNext();
    if (this.removing) await new Promise<void>((resolve) => this.idle.push(resolve));
  }

  leftovers(): Leftover[] {
    const found: Leftover[] = [];
    const reports = this.journal.read();
    for (const key of new Set([...reports.keys(), ...readdirSync(join(this.state, "attempts"))])) {
      const dir = this.attempt(key);
      const report = reports.get(key) ?? null;
      const titan = sizeOf(join(dir, "titan")) > 0 ? readFileSync(join(dir, "titan")) : new Uint8Array();
      const wasStarted = statSync(join(dir, "stdout"), { throwIfNoEntry: false }) !== undefined;
      if (report !== null || (wasStarted && /\.[0-9]+$/.test(key))) {
        const { stdout, stderr } = this.outputBytes(key);
        found.push({ key, report, titan, stdoutBytes: stdout, stderrBytes: stderr });
      } else this.remove(key);
    }
    return found;
  }

  private attend(key: string, write: (dir: string) => void): void {
    const dir = this.attempt(key);
    this.tolerate(key, () => {
      try {
        write(dir);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
        mkdirSync(dir, { recursive: true, mode: 0o700 });
        write(dir);
      }
    });
  }

  /** A full disk must not end the agent: the master is told all the same, only a later agent would not know. */
  private tolerate(key: string, write: () => void): void {
    try {
      write();
    } catch (error) {
      this.log.warn({ attempt: key, error: String(error) }, "cannot write into the node's folder");
    }
  }

  /** By one `rm` for many: 0.05 ms a folder, where Node's own rm took 0.47 ms of the agent's thread. */
  private removeNext(): void {
    if (this.soon !== null) clearTimeout(this.soon);
    this.soon = null;
    const batch = this.doomed.splice(0, REMOVALS);
    if (this.doomed.length === 0) this.doomedBytes = 0;
    if (batch.length === 0) {
      for (const resolve of this.idle.splice(0)) resolve();
      return;
    }
    this.removing = true;
    const paths = batch.map((key) => this.attempt(key));
    execFile("rm", ["-rf", "--", ...paths], (error) => {
      if (error !== null)
        this.log.warn({ error: error.message.slice(0, 500) }, "cannot remove attempts' folders");
      this.tolerate("", () => this.journal.drop(batch));
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
