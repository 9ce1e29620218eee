/** Local files for jobs, hashed and checked before anything is sent. Node only. */
import { createHash } from "node:crypto";
import type { Stats } from "node:fs";
import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { basename, extname } from "node:path";
import type { JobSpec } from "@titan/protocol";
import { TitanError } from "@titan/protocol";
import type { JobInput, LocalFile } from "./job-input.ts";

/** A job that runs the local file `path`, with the other fields of `spec`; its name is the file's where none is given. */
export async function jobFromFile(
  path: string,
  spec: Partial<Omit<JobSpec, "script" | "command">> & { local?: readonly LocalFile[] } = {},
): Promise<JobInput> {
  const file = await scriptFile(path);
  const { name = nameFrom(basename(path, extname(path))), local = [], ...rest } = spec;
  return { ...rest, name, script: file.path, local: [file, ...local] };
}

/** A job that runs `content`; `filename` says by its ending how. */
export function jobFromText(
  filename: string,
  content: string,
  spec: Partial<Omit<JobSpec, "script" | "command">> = {},
): JobInput {
  if (content === "")
    throw new TitanError("script-unreadable", `the script ${filename} is empty`, { field: "script" });
  const bytes = Buffer.from(content, "utf8");
  const file = fileFromBytes(filename, bytes);
  const { name = nameFrom(basename(filename, extname(filename))), ...rest } = spec;
  return { ...rest, name, script: filename, local: [file] };
}

/** A script as a `LocalFile`, at `as` within the job. Throws `script-not-found` or `script-unreadable`. */
export async function scriptFile(path: string, as: string = basename(path)): Promise<LocalFile> {
  const found = await stat(path).catch((error) => notThere(path, error));
  if (found.isFile() && found.size === 0) throw unreadable(path, "it is empty");
  const file = await hashFile(path, as, found);
  if (/\.(py|sh)$/.test(path) && !(await isUtf8(path))) throw unreadable(path, "it is not UTF-8");
  return file;
}

/** Any local file as a `LocalFile`; `as` is its path within the job, with `/`. Throws like `scriptFile`; may be empty. */
export async function localFile(path: string, as: string = basename(path)): Promise<LocalFile> {
  return await hashFile(path, as, await stat(path).catch((error) => notThere(path, error)));
}

export function fileFromBytes(path: string, bytes: Uint8Array): LocalFile {
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return {
    path,
    sha256,
    size: bytes.byteLength,
    open: async function* () {
      yield bytes;
    },
  };
}

async function hashFile(path: string, as: string, found: Stats): Promise<LocalFile> {
  if (!found.isFile())
    throw unreadable(path, found.isDirectory() ? "it is a folder" : "it is not a regular file");
  const hash = createHash("sha256");
  let size = 0;
  try {
    for await (const piece of createReadStream(path) as AsyncIterable<Buffer>) {
      hash.update(piece);
      size += piece.byteLength;
    }
  } catch (error) {
    throw unreadable(path, error instanceof Error ? error.message : String(error));
  }
  const file = { path: as, sha256: hash.digest("hex"), size, open: () => createReadStream(path) };
  return (found.mode & 0o111) === 0 ? file : { ...file, executable: true };
}

/** Scripts are small, but nobody promised it: read in pieces. */
async function isUtf8(path: string): Promise<boolean> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  await using file = await open(path);
  const buffer = Buffer.alloc(64 * 1024);
  try {
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length);
      if (bytesRead === 0) break;
      decoder.decode(buffer.subarray(0, bytesRead), { stream: true });
    }
    decoder.decode();
    return true;
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}

/** A job name out of whatever a file or a program is called. */
export function nameFrom(text: string): string {
  return (
    text
      .replace(/[^A-Za-z0-9_.-]+/g, "-")
      .replace(/^[.-]+/, "")
      .slice(0, 128) || "job"
  );
}

function notThere(path: string, error: unknown): never {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOENT" || code === "ENOTDIR") {
    throw new TitanError("script-not-found", `there is no file ${path}`, { field: "script", cause: error });
  }
  throw unreadable(path, error instanceof Error ? error.message : String(error));
}

function unreadable(path: string, why: string): TitanError {
  return new TitanError("script-unreadable", `${path} cannot be run: ${why}`, { field: "script" });
}
