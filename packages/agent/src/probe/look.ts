/** What a probe may look at: files, folders and the answers of tools. Tests bring recorded ones. */
import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";

export interface Look {
  /** The file's text, or null where it cannot be read. */
  read(path: string): Promise<string | null>;
  /** Names in a folder, or null where it is not there. */
  list(path: string): Promise<readonly string[] | null>;
  run(program: string, args: readonly string[]): Promise<Answer>;
}

export type Answer =
  | { readonly ok: true; readonly stdout: string }
  /** `missing`: there is no such program. */
  | { readonly ok: false; readonly missing: boolean; readonly why: string };

/** What was looked at and what was found there: a line of `titan hw`. */
export interface Evidence {
  readonly about: "cpu" | "memory" | "gpu";
  readonly looked: string;
  readonly found: string;
}

/** nvidia-smi takes seconds while a driver wakes up; a broken driver can hang it for ever. */
const TOOL_MS = 20_000;

export const systemLook: Look = {
  read: (path) => readFile(path, "utf8").catch(() => null),
  list: (path) => readdir(path).catch(() => null),
  run(program, args) {
    return new Promise((resolve) => {
      execFile(program, args, { timeout: TOOL_MS, killSignal: "SIGKILL" }, (error, stdout, stderr) => {
        if (error === null) return resolve({ ok: true, stdout });
        const missing = error.code === "ENOENT";
        const said = (stderr || stdout).trim().split("\n")[0] ?? "";
        const late = error.killed ? `no answer in ${TOOL_MS / 1000} s` : "";
        resolve({
          ok: false,
          missing,
          why: missing ? "not found" : late || said || `failed with ${error.code}`,
        });
      });
    });
  },
};
