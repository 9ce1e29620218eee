/** From a payload to what is executed, and from a failed start to words that say what is wrong. */
import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import type { JobPayload } from "@titan/protocol";
import type { LaunchFailure } from "./launcher.ts";

export interface Invocation {
  readonly argv: readonly string[];
  /** The file to run where it is not `argv[0]`. */
  readonly exe?: string;
}

export interface Surroundings {
  /** Folder of the payload's files. */
  readonly codeDir: string;
  readonly cwd: string;
  /** The job's PATH. */
  readonly path: string;
  /** The agent's interpreter. */
  readonly python: string;
}

/** The job cannot be started; the message is for people. */
export class LaunchError extends Error {}

/** Throws LaunchError where the program or interpreter is not there. */
export function invocation(payload: JobPayload, around: Surroundings): Invocation {
  const { script, args } = payload;
  if (script !== null) {
    const file = join(around.codeDir, script);
    if (script.endsWith(".py")) {
      // Unbuffered, so that a line is in the log when it is printed.
      return { argv: [interpreter(payload.python, around), "-u", file, ...args] };
    }
    return { argv: script.endsWith(".sh") ? ["/bin/bash", file, ...args] : [file, ...args] };
  }
  const argv = [...(payload.command ?? []), ...args];
  const name = argv[0];
  if (name === undefined || name === "") throw new LaunchError("there is no command");
  if (name.includes("/")) return { argv };
  const exe = findProgram(name, around);
  if (exe === null) throw new LaunchError(`no such program: ${name} (looked in PATH)`);
  return { argv, exe };
}

function interpreter(asked: string | null, around: Surroundings): string {
  if (asked === null) return around.python;
  const found = asked.includes("/") ? resolve(around.cwd, asked) : findProgram(asked, around);
  if (found === null || !existsSync(found)) throw new LaunchError(`no such interpreter: ${asked}`);
  return found;
}

/** The first executable file of that name in the job's PATH; relative entries count from its working directory. */
function findProgram(name: string, { path, cwd }: Surroundings): string | null {
  for (const folder of path.split(":")) {
    const file = join(isAbsolute(folder) ? folder : resolve(cwd, folder), name);
    const stat = statSync(file, { throwIfNoEntry: false });
    if (stat?.isFile() && (stat.mode & 0o111) !== 0) return file;
  }
  return null;
}

/** One line on why the launcher could not start it. */
export function explainFailure(failure: LaunchFailure, { argv, exe }: Invocation, cwd: string): string {
  if (failure.what === "cwd") return `cannot use the working directory ${cwd}: ${failure.message}`;
  if (failure.what === "output") return `cannot write its output: ${failure.message}`;
  const program = exe ?? argv[0] ?? "";
  switch (failure.errno) {
    case "ENOENT": {
      const file = resolve(cwd, program);
      if (!existsSync(file)) return `no such program: ${program}`;
      const named = firstLine(file).match(/^#!\s*(\S+)/)?.[1];
      return named === undefined
        ? `cannot run ${program}: ${failure.message}`
        : `no such interpreter: ${named} (named by ${program})`;
    }
    case "EACCES":
      return `not allowed to run ${program}: it is no executable file`;
    case "ENOEXEC":
      return `${program} is not a program: a script needs a first line such as #!/bin/sh`;
    case "E2BIG":
      return "its arguments and environment are longer than the system allows";
    default:
      return `cannot run ${program}: ${failure.message}`;
  }
}

function firstLine(file: string): string {
  try {
    const fd = openSync(file, "r");
    try {
      const head = Buffer.alloc(256);
      return head.toString("latin1", 0, readSync(fd, head, 0, head.length, 0)).split("\n")[0] ?? "";
    } finally {
      closeSync(fd);
    }
  } catch {
    return "";
  }
}
