/** The node's cache of files by their hash, filled from the master. */
import { createHash } from "node:crypto";
import { createWriteStream, mkdirSync } from "node:fs";
import { readdir, rename, rm, stat } from "node:fs/promises";
import { Agent as HttpAgent, get as httpGet, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, get as httpsGet } from "node:https";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { API_PREFIX } from "@titan/protocol";
import type { Clock } from "../clock.ts";
import { LaunchError } from "./argv.ts";

export interface BlobCacheOptions {
  readonly dir: string;
  readonly url: string;
  readonly token: string;
  readonly clock: Clock;
}

const SOCKETS = 8;
const RETRY_FIRST_MS = 100;
const RETRY_MAX_MS = 2_000;
/** Above this the least recently fetched files go, at the agent's start. */
const CACHE_BYTES = 8 * 1024 ** 3;

/** A failure that another try may not have: no connection, a cut one, a master that is starting. */
class Passing extends Error {}

export class BlobCache {
  private readonly options: BlobCacheOptions;
  private readonly agent: HttpAgent;
  /** Fetches in progress, shared by all who want the same file. */
  private readonly fetching = new Map<string, Promise<string>>();
  private readonly have = new Set<string>();
  private closed = false;
  private serial = 0;

  constructor(options: BlobCacheOptions) {
    this.options = options;
    mkdirSync(options.dir, { recursive: true, mode: 0o700 });
    const Kind = options.url.startsWith("https:") ? HttpsAgent : HttpAgent;
    this.agent = new Kind({ keepAlive: true, maxSockets: SOCKETS });
  }

  /**
   * Path of the file with this hash, fetched if need be. Tries again while the master is away; throws LaunchError
   * where the master does not have it.
   */
  async path(sha256: string): Promise<string> {
    if (!/^[0-9a-f]{64}$/.test(sha256)) throw new LaunchError(`not a hash: ${sha256}`);
    const file = join(this.options.dir, sha256);
    if (this.have.has(sha256)) return file;
    let fetching = this.fetching.get(sha256);
    if (fetching === undefined) {
      fetching = this.ensure(sha256, file).finally(() => this.fetching.delete(sha256));
      this.fetching.set(sha256, fetching);
    }
    return await fetching;
  }

  /** Forgets that the file is there: it was found missing. */
  missed(sha256: string): void {
    this.have.delete(sha256);
  }

  /** Deletes what was left half-fetched, and the oldest files while the cache is too large. */
  async trim(maxBytes = CACHE_BYTES): Promise<void> {
    const files: { path: string; size: number; at: number }[] = [];
    for (const name of await readdir(this.options.dir)) {
      const path = join(this.options.dir, name);
      const found = await stat(path).catch(() => null);
      if (found === null) continue;
      if (name.includes(".")) await rm(path, { force: true });
      else files.push({ path, size: found.size, at: found.mtimeMs });
    }
    let total = files.reduce((sum, { size }) => sum + size, 0);
    for (const { path, size } of files.sort((a, b) => a.at - b.at)) {
      if (total <= maxBytes) return;
      await rm(path, { force: true });
      total -= size;
    }
  }

  close(): void {
    this.closed = true;
    this.agent.destroy();
  }

  private async ensure(sha256: string, file: string): Promise<string> {
    for (let waitMs = RETRY_FIRST_MS; ; waitMs = Math.min(waitMs * 2, RETRY_MAX_MS)) {
      try {
        if ((await stat(file).catch(() => null)) === null) await this.fetch(sha256, file);
        this.have.add(sha256);
        return file;
      } catch (error) {
        if (this.closed || !(error instanceof Passing)) throw error;
        await new Promise<void>((resolve) => this.options.clock.after(waitMs, resolve));
      }
    }
  }

  private async fetch(sha256: string, file: string): Promise<void> {
    const response = await this.request(`${this.options.url}${API_PREFIX}/blobs/${sha256}`);
    if (response.statusCode !== 200) {
      response.resume();
      const why = `the master answered ${response.statusCode} for the file ${sha256}`;
      throw (response.statusCode ?? 500) >= 500 ? new Passing(why) : new LaunchError(why);
    }
    const partial = `${file}.${this.serial++}`;
    const hash = createHash("sha256");
    try {
      await pipeline(response, hashing(hash), createWriteStream(partial, { mode: 0o600 }));
      if (hash.digest("hex") !== sha256)
        throw new LaunchError(`the master sent other content for the file ${sha256}`);
      await rename(partial, file);
    } catch (error) {
      await rm(partial, { force: true });
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOSPC" || code === "EDQUOT" || code === "EROFS")
        throw new LaunchError(`cannot store its files: ${code}`);
      throw error instanceof LaunchError ? error : new Passing(String(error));
    }
  }

  private request(url: string): Promise<IncomingMessage> {
    const get = url.startsWith("https:") ? httpsGet : httpGet;
    const headers = { authorization: `Bearer ${this.options.token}` };
    return new Promise((resolve, reject) => {
      get(url, { agent: this.agent, headers }, resolve).on("error", (error) =>
        reject(new Passing(error.message)),
      );
    });
  }
}

function hashing(hash: ReturnType<typeof createHash>) {
  return async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      hash.update(chunk);
      yield chunk;
    }
  };
}
