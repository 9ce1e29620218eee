/** Files named on the command line, at the place that they get within the job. */

import { stat } from "node:fs/promises";
import { basename, isAbsolute, relative, sep } from "node:path";
import type { LocalFile } from "@titan/sdk";
import { folderFiles, localFile, TitanError } from "@titan/sdk";

/** A path below `base` keeps its folders; any other only its last part. */
export function pathWithin(path: string, base: string): string {
  const way = relative(base, path);
  if (way === "" || way === ".." || way.startsWith(`..${sep}`) || isAbsolute(way)) return basename(path);
  return way.split(sep).join("/");
}

/** A folder brings everything in it. Throws `script-not-found`, and `usage` for a folder that would bring nothing. */
export async function namedFiles(paths: readonly string[]): Promise<LocalFile[]> {
  const files: LocalFile[] = [];
  for (const path of paths) {
    const isFolder = (await stat(path).catch(() => null))?.isDirectory() ?? false;
    if (!isFolder) {
      files.push(await localFile(path, pathWithin(path, ".")));
      continue;
    }
    const head = relative(".", path) === "" ? "" : `${pathWithin(path, ".")}/`;
    const inside = await folderFiles(path);
    if (inside.length === 0) throw new TitanError("usage", `--file ${path}: there is no file in that folder`);
    for (const file of inside) files.push({ ...file, path: `${head}${file.path}` });
  }
  return files;
}
