import { randomBytes } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TitanError } from "@titan/protocol";
import { commandOf, identify, type ProcessIdentity } from "./process-identity.ts";

export interface FolderLock {
  release(): void;
}

/**
 * Takes the state folder for this process: two masters on one store would each believe to be the one writer.
 * A lock whose process is gone (kill -9) is taken over. Throws `state-in-use` naming who has it.
 */
export function lockFolder(folder: string): FolderLock {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, "lock");
  // The nonce makes the lock of one call differ from every other one's, so that a second release takes nothing away.
  const mine = `${JSON.stringify({ ...identify(process.pid), nonce: randomBytes(8).toString("hex") })}\n`;
  for (let tries = 0; tries < 10; tries++) {
    if (create(file, mine)) return { release: () => release(file, mine) };
    const held = read(file);
    if (held === null) continue;
    const holder = livingHolder(held);
    if (holder !== null) throw inUse(folder, holder);
    removeStale(file, held);
  }
  throw new TitanError("state-in-use", `${folder} is being taken by several processes at once`);
}

/** Written beside it and linked: the lock appears whole, or not because there is one. */
function create(file: string, content: string): boolean {
  const draft = `${file}.${process.pid}.${randomBytes(4).toString("hex")}`;
  writeFileSync(draft, content, { flag: "wx", mode: 0o600 });
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return false;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Moved away first and looked at again: what was stale when it was read may be another's fresh lock by now. */
function removeStale(file: string, stale: string): void {
  const aside = `${file}.stale.${process.pid}.${randomBytes(4).toString("hex")}`;
  try {
    renameSync(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  if (read(aside) !== stale) linkSync(aside, file);
  rmSync(aside, { force: true });
}

function livingHolder(content: string): ProcessIdentity | null {
  let held: ProcessIdentity;
  try {
    held = JSON.parse(content) as ProcessIdentity;
  } catch {
    return null;
  }
  if (!Number.isInteger(held?.pid) || held.pid < 1) return null;
  const now = identify(held.pid);
  const same = now !== null && now.startedTicks === held.startedTicks && now.bootId === held.bootId;
  return same ? now : null;
}

function inUse(folder: string, holder: ProcessIdentity): TitanError {
  const command = commandOf(holder.pid);
  return new TitanError(
    "state-in-use",
    `${folder} is in use by process ${holder.pid}${command === "" ? "" : ` (${command})`}`,
  );
}

function release(file: string, mine: string): void {
  if (read(file) === mine) rmSync(file, { force: true });
}

function read(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}
