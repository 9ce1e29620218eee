/** Makes an attempt ready: its files in its own folder, and what to execute. */
import { chmod, copyFile, mkdir } from "node:fs/promises";
import { dirname, isAbsolute, join, normalize } from "node:path";
import type { PayloadFile } from "@titan/protocol";
import type { StartOrder } from "@titan/protocol/link";
import { type Invocation, invocation, LaunchError } from "./argv.ts";
import { attemptKey } from "./attempt-key.ts";
import { jobEnvironment } from "./environment.ts";
import type { Folders } from "./folders.ts";
import type { LaunchOrder } from "./launcher.ts";

export interface Blobs {
  path(sha256: string): Promise<string>;
  missed(sha256: string): void;
}

export interface PrepareParts {
  readonly folders: Folders;
  readonly blobs: Blobs;
  readonly node: string;
  readonly url: string;
  /** The agent's interpreter, and the PATH of jobs that bring none. */
  readonly python: string;
  readonly path: string;
}

/** Throws LaunchError with words for people. Answers at once where the job brings no files. */
export function prepare(order: StartOrder, parts: PrepareParts): LaunchOrder | Promise<LaunchOrder> {
  const codeDir = join(parts.folders.attempt(attemptKey(order)), "code");
  if (order.payload.files.length === 0) return launchOrder(order, parts, codeDir);
  return placeFiles(order, parts.blobs, codeDir).then(() => launchOrder(order, parts, codeDir));
}

function launchOrder(order: StartOrder, parts: PrepareParts, codeDir: string): LaunchOrder {
  const cwd = parts.folders.cwd(order);
  const env = jobEnvironment(order, { node: parts.node, url: parts.url, cwd, codeDir });
  const path = env.PATH ?? parts.path;
  const what: Invocation = invocation(order.payload, { codeDir, cwd, path, python: parts.python });
  const id = attemptKey(order);
  return {
    id,
    argv: what.argv,
    ...(what.exe ? { exe: what.exe } : {}),
    env,
    cwd,
    dir: parts.folders.attempt(id),
  };
}

/** Few at a time: a payload may have thousands of files, and the thread pool serves the whole agent. */
const COPIES = 4;

async function placeFiles(order: StartOrder, blobs: Blobs, codeDir: string): Promise<void> {
  const { files, script } = order.payload;
  const folders = new Set(files.map((file) => dirname(join(codeDir, inside(file.path)))));
  for (const folder of folders) await mkdir(folder, { recursive: true, mode: 0o700 });
  const rest = files.values();
  const copyRest = async (): Promise<void> => {
    for (const file of rest) {
      // A script that no interpreter is known for is run by itself, whatever its mode was where it came from.
      const executable = file.executable || file.path === script;
      await placeFile(file, executable, blobs, join(codeDir, file.path));
    }
  };
  await Promise.all(Array.from({ length: COPIES }, copyRest));
}

/** Copied, not linked: a job may write to its files, and the cache must stay what its hashes say. */
async function placeFile(file: PayloadFile, executable: boolean, blobs: Blobs, to: string): Promise<void> {
  try {
    await copyFile(await blobs.path(file.sha256), to);
  } catch (error) {
    if (error instanceof LaunchError) throw error;
    if ((error as NodeJS.ErrnoException).code !== "ENOENT")
      throw new LaunchError(`cannot write ${file.path}: ${error}`);
    // Somebody emptied the cache.
    blobs.missed(file.sha256);
    await copyFile(await blobs.path(file.sha256), to);
  }
  if (executable) await chmod(to, 0o700);
}

function inside(path: string): string {
  const clean = normalize(path);
  if (isAbsolute(clean) || clean.startsWith("..") || clean.includes("\0")) {
    throw new LaunchError(`a file's path leads out of its folder: ${path}`);
  }
  return clean;
}
