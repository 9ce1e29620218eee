import { readFileSync } from "node:fs";

/** One process over all boots: a pid alone comes round again. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in the kernel's own count since boot; empty where there is no /proc. */
  readonly startedTicks: string;
  readonly bootId: string;
}

/** What the process `pid` is now, or null where there is none. */
export function identify(pid: number): ProcessIdentity | null {
  if (!isAlive(pid)) return null;
  return { pid, startedTicks: startedTicks(pid), bootId: read("/proc/sys/kernel/random/boot_id").trim() };
}

/** The command line of `pid`, as far as it may be read: one line, at most 120 characters. */
export function commandOf(pid: number): string {
  const words = read(`/proc/${pid}/cmdline`)
    .split("\0")
    .filter((word) => word !== "");
  // Somebody else's command line goes onto a terminal: nothing in it may steer that.
  return words
    .join(" ")
    .replaceAll(/\p{Cc}/gu, "?")
    .slice(0, 120);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is there, and somebody else's.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function startedTicks(pid: number): string {
  const stat = read(`/proc/${pid}/stat`);
  // The name in parentheses may hold spaces: fields are counted behind it. The 22nd of all is the start.
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
