/** A whole project folder as files of a job. Node only. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { TitanError } from "@titan/protocol";
import { localFile } from "./files.ts";
import type { LocalFile } from "./job-input.ts";

/** Never wanted on a node, and often most of a project's bytes. */
const SKIPPED = new Set([
  ".git",
  ".hg",
  ".svn",
  ".venv",
  "venv",
  "node_modules",
  "__pycache__",
  ".tox",
  ".eggs",
  ".dagster",
  ".mypy_cache",
  ".ruff_cache",
  ".pytest_cache",
  ".ipynb_checkpoints",
]);
/** What one job may carry. */
const MOST_FILES = 20_000;

/** The regular files below `folder`, without environments, caches and version control. Throws `too-large`. */
export async function folderFiles(folder: string): Promise<LocalFile[]> {
  const files: LocalFile[] = [];
  await collect(folder, "", files);
  return files;
}

async function collect(root: string, within: string, files: LocalFile[]): Promise<void> {
  const entries = await readdir(join(root, within), { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = within === "" ? entry.name : `${within}/${entry.name}`;
    if (entry.isDirectory()) {
      if (!SKIPPED.has(entry.name)) await collect(root, path, files);
      continue;
    }
    if (!entry.isFile()) continue;
    if (files.length === MOST_FILES) {
      throw new TitanError("too-large", `${root} holds more than ${MOST_FILES} files`);
    }
    files.push(await localFile(join(root, path), path));
  }
}
