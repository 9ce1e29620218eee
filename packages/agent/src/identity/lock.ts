/** One agent per state folder. */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TitanError } from "@titan/protocol";

/** Holds the folder until the answer is called. Throws `state-in-use`, naming the process that has it. */
export function lockState(stateDir: string): () => void {
  const file = join(stateDir, "lock");
  const mine = `${file}.${process.pid}`;
  writeFileSync(mine, JSON.stringify({ pid: process.pid, startedAt: startOf(process.pid) }), { mode: 0o600 });
  try {
    take(file, mine);
  } finally {
    rmSync(mine, { force: true });
  }
  return () => rmSync(file, { force: true });
}

function take(file: string, mine: string): void {
  for (let tries = 0; tries < 3; tries += 1) {
    try {
      // Complete at the instant that it appears, unlike a file that is created and then written.
      linkSync(mine, file);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const pid = holder(file);
    if (pid !== null) {
      throw new TitanError(
        "state-in-use",
        `the agent with process id ${pid} uses ${file.slice(0, -"/lock".length)}`,
      );
    }
    // Of a process that is gone. Moved, not deleted: of two that see this, one takes it away and the other fails.
    try {
      renameSync(file, `${mine}.old`);
      rmSync(`${mine}.old`, { force: true });
    } catch {
      // The other was quicker.
    }
  }
  throw new TitanError("state-in-use", `several agents are starting on ${file.slice(0, -"/lock".length)}`);
}

/** The living process that holds the lock. A process id that was given to another process since is not it. */
function holder(file: string): number | null {
  let held: { pid: number; startedAt: string | null };
  try {
    held = JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return null;
  }
  return isAlive(held.pid) && held.startedAt === startOf(held.pid) ? held.pid : null;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Another user's process is alive too.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** When the process started, in the kernel's ticks since boot; null where the system does not say. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  } catch {
    return null;
  }
}
