/** Who this node is: an id kept in its state folder, a name, and the boot of the machine. */
import { randomUUID } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { hostname, uptime } from "node:os";
import { join } from "node:path";

/** The node's id, made at the first start. Throws where the folder cannot be written. */
export function nodeId(stateDir: string): string {
  const file = join(stateDir, "node.json");
  try {
    const { id } = JSON.parse(readFileSync(file, "utf8")) as { id?: unknown };
    if (typeof id === "string" && id !== "") return id;
  } catch (error) {
    // A file that was cut off by a full disk is made anew: the node then counts as another one, which is true.
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" && !(error instanceof SyntaxError)) throw error;
  }
  const id = randomUUID();
  writeFileSync(file, `${JSON.stringify({ id })}\n`, { mode: 0o600 });
  return id;
}

/** The machine's host name, made to fit what names may hold. */
export function defaultName(): string {
  const name = hostname()
    .replace(/[^A-Za-z0-9_.-]/g, "-")
    .replace(/^[.-]+/, "")
    .slice(0, 128);
  return name === "" ? "node" : name;
}

/** Another value after a restart of the machine. Without a boot id, the time of the boot to within a minute. */
export function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return `boot-${Math.round((Date.now() / 1000 - uptime()) / 60)}`;
  }
}
