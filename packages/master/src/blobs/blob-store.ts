/** Files by the hash of their content, below one folder: `<aa>/<sha256>`. What is there is whole. */
import { createHash, randomUUID } from "node:crypto";
import { createReadStream, existsSync, openSync, type ReadStream, readdirSync, rmSync } from "node:fs";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { TitanError } from "@titan/protocol";

const SHA256 = /^[0-9a-f]{64}$/;
const UNFINISHED = "unfinished-";
/** Files looked for at the same time: as many as the thread pool has threads keep it busy. */
const LOOKUPS = 8;

export class BlobStore {
  readonly #folder: string;

  /** Takes away what a killed master was in the middle of: the folder is of one master at a time. */
  constructor(folder: string) {
    this.#folder = folder;
    if (!existsSync(folder)) return;
    for (const name of readdirSync(folder)) {
      if (name.startsWith(UNFINISHED)) rmSync(join(folder, name), { force: true });
    }
  }

  /** Where the blob is, or would be. Throws `bad-field` on what is no lower-case SHA-256. */
  path(sha256: string): string {
    if (!SHA256.test(sha256)) {
      const message = `${JSON.stringify(sha256.slice(0, 80))} is not 64 lower-case hex digits`;
      throw new TitanError("bad-field", message, { field: "sha256" });
    }
    return join(this.#folder, sha256.slice(0, 2), sha256);
  }

  async has(sha256: string): Promise<boolean> {
    const found = await stat(this.path(sha256)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return null;
      throw error;
    });
    return found !== null;
  }

  /** Those that are not there, each once, in the order given. */
  async missing(sha256s: readonly string[]): Promise<string[]> {
    const asked = [...new Set(sha256s)];
    const there = new Array<boolean>(asked.length);
    let next = 0;
    const look = async () => {
      for (let at = next++; at < asked.length; at = next++) there[at] = await this.has(asked[at]!);
    };
    await Promise.all(Array.from({ length: LOOKUPS }, look));
    return asked.filter((_, at) => there[at] === false);
  }

  /**
   * Keeps the content, and resolves with its size when it is on disk. Rejects with `blob-mismatch` where the content has
   * another hash; nothing is left behind then.
   */
  async put(sha256: string, content: Readable): Promise<number> {
    const path = this.path(sha256);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const unfinished = join(this.#folder, `${UNFINISHED}${randomUUID()}`);
    const file = await open(unfinished, "wx", 0o600);
    const hash = createHash("sha256");
    let size = 0;
    try {
      for await (const chunk of content as AsyncIterable<Buffer>) {
        hash.update(chunk);
        await writeWhole(file, chunk);
        size += chunk.length;
      }
      const found = hash.digest("hex");
      if (found !== sha256) {
        throw new TitanError("blob-mismatch", `The content has the hash ${found} and was sent as ${sha256}`);
      }
      await file.datasync();
      await file.close();
      await rename(unfinished, path);
      return size;
    } catch (error) {
      await file.close().catch(() => undefined);
      await rm(unfinished, { force: true });
      throw error;
    }
  }

  /** Null where it is not there. */
  read(sha256: string): ReadStream | null {
    const path = this.path(sha256);
    try {
      return createReadStream(path, { fd: openSync(path, "r"), highWaterMark: 256 * 1024 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      throw error;
    }
  }
}

async function writeWhole(file: Awaited<ReturnType<typeof open>>, chunk: Buffer): Promise<void> {
  for (let done = 0; done < chunk.length; ) done += (await file.write(chunk, done)).bytesWritten;
}
