/** The disk of a simulated node: what agents and jobs write stays when they die. */

import type { Folders, Found, Leftover, LogSource, Watch } from "@titan/agent/simulation";
import type { Report } from "@titan/core";
import type { LogStream } from "@titan/protocol/link";
import { outputOf } from "./output.ts";
import type { ProcessClock } from "./time.ts";

interface Files {
  /** Set when the launcher has opened them. */
  stdout: number | null;
  stderr: number | null;
  titan: Buffer;
}

/** As long as the real agent waits before it removes what is over. */
const REMOVE_MS = 1_000;
/** As the real watch does. */
const LOOK_MS = 3;
const BLOCKED_MS = 50;

export class NodeDisk {
  readonly #files = new Map<string, Files>();
  readonly #reports = new Map<string, Report>();
  readonly #watchers = new Map<string, () => void>();

  open(key: string): Files {
    const files = this.#of(key);
    files.stdout ??= 0;
    files.stderr ??= 0;
    return files;
  }

  /** The process has written so much by now. */
  write(key: string, stdout: number, stderr: number): void {
    const files = this.#of(key);
    if (files.stdout === stdout && files.stderr === stderr) return;
    files.stdout = stdout;
    files.stderr = stderr;
    this.#watchers.get(key)?.();
  }

  /** Calls `look` now and after each write, and again a little later while what it found cannot go out. */
  watch(key: string, clock: ProcessClock, look: () => Found): Watch {
    let open = true;
    const notice = (): void => {
      if (open && clock.alive && look() === "blocked") clock.after(BLOCKED_MS, notice);
    };
    this.#watchers.set(key, () => void clock.after(LOOK_MS, notice));
    notice();
    return {
      close: () => {
        open = false;
        this.#watchers.delete(key);
      },
    };
  }

  written(key: string): { stdout: number; stderr: number } {
    const files = this.#files.get(key);
    return { stdout: files?.stdout ?? 0, stderr: files?.stderr ?? 0 };
  }

  /** What the agent of this process sees of it; with the process go its removals. */
  folders(clock: ProcessClock): Folders {
    return {
      attempt: (key) => key,
      cwd: () => "/work",
      note: (key, line) => {
        const files = this.#of(key);
        files.titan = Buffer.concat([files.titan, line]);
      },
      saveReport: (report) => void this.#reports.set(`${report.jobId}.${report.number}`, report),
      outputBytes: (key) => this.written(key),
      remove: (key) =>
        void clock.after(REMOVE_MS, () => {
          this.#files.delete(key);
          this.#reports.delete(key);
        }),
    };
  }

  leftovers(): Leftover[] {
    const found: Leftover[] = [];
    for (const key of new Set([...this.#reports.keys(), ...this.#files.keys()])) {
      const report = this.#reports.get(key) ?? null;
      const files = this.#files.get(key);
      if (report === null && (files === undefined || files.stdout === null)) {
        this.#files.delete(key);
        continue;
      }
      const { stdout, stderr } = this.written(key);
      const titan = files?.titan ?? Buffer.alloc(0);
      found.push({ key, report, titan, stdoutBytes: stdout, stderrBytes: stderr });
    }
    return found;
  }

  source(key: string, lines: () => Uint8Array): LogSource {
    return {
      read: (stream, offset, into) => {
        const piece = stream === "titan" ? lines() : this.#bytes(key, stream);
        const part = piece.subarray(offset, offset + into.length);
        into.set(part);
        return part.length;
      },
      close() {},
    };
  }

  #bytes(key: string, stream: LogStream & ("stdout" | "stderr")): Uint8Array {
    return outputOf(key, stream).subarray(0, this.written(key)[stream]);
  }

  #of(key: string): Files {
    let files = this.#files.get(key);
    if (files === undefined) {
      files = { stdout: null, stderr: null, titan: Buffer.alloc(0) };
      this.#files.set(key, files);
    }
    return files;
  }
}
