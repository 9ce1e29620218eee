/** Few file descriptors for many logs: the ones used last stay open. */
import { close, constants, open } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";

const openFile = promisify(open);

export interface LogFiles {
  readonly log: number;
  readonly index: number;
}

interface Entry {
  readonly files: Promise<LogFiles>;
  users: number;
}

export class OpenFiles {
  readonly #max: number;
  /** Least recently used first. */
  readonly #open = new Map<string, Entry>();

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Opens (and makes) both files for the time of `use`, and a while longer. */
  async with<T>(
    key: string,
    logPath: string,
    indexPath: string,
    use: (files: LogFiles) => Promise<T>,
  ): Promise<T> {
    const entry = this.#open.get(key) ?? { files: openBoth(logPath, indexPath), users: 0 };
    this.#open.delete(key);
    this.#open.set(key, entry);
    entry.users += 1;
    try {
      return await use(await entry.files);
    } catch (error) {
      if (this.#open.get(key) === entry) this.#open.delete(key);
      throw error;
    } finally {
      entry.users -= 1;
      if (this.#open.get(key) !== entry && entry.users === 0) closeBoth(entry);
      this.#evict();
    }
  }

  closeAll(): void {
    for (const [key, entry] of this.#open) {
      this.#open.delete(key);
      if (entry.users === 0) closeBoth(entry);
    }
  }

  #evict(): void {
    for (const [key, entry] of this.#open) {
      if (this.#open.size <= this.#max) return;
      if (entry.users > 0) continue;
      this.#open.delete(key);
      closeBoth(entry);
    }
  }
}

async function openBoth(logPath: string, indexPath: string): Promise<LogFiles> {
  // Positions are given with each write, so no flag may append; "a+" would, and "r+" makes no file.
  const log = await openOrMake(logPath);
  return { log, index: await openOrMake(indexPath) };
}

async function openOrMake(path: string): Promise<number> {
  const flags = constants.O_RDWR | constants.O_CREAT;
  try {
    return await openFile(path, flags, 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    return openFile(path, flags, 0o600);
  }
}

function closeBoth(entry: Entry): void {
  entry.files.then(
    ({ log, index }) => {
      close(log);
      close(index);
    },
    () => undefined,
  );
}
