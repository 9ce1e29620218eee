import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { BlockList, isIP } from "node:net";
import { TitanError } from "@titan/protocol";
import { commandOf } from "./process-identity.ts";

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/** Whether only this machine can reach `host`. A name other than `localhost` may mean anything, so it does not count. */
export function isLoopback(host: string): boolean {
  const version = isIP(host);
  if (version === 0) return host.toLowerCase() === "localhost";
  return loopback.check(host, version === 6 ? "ipv6" : "ipv4");
}

/** Throws `insecure-bind` for an address that others can reach, unless that was asked for. */
export function checkBind(host: string, insecure: boolean): void {
  if (insecure || isLoopback(host)) return;
  throw new TitanError(
    "insecure-bind",
    `${host} can be reached from other machines, and token and output would travel in plain text`,
  );
}

/** Where clients of this machine reach what listens on `host`. */
export function urlOf(host: string, port: number): string {
  if (host === "0.0.0.0" || host === "") return `http://127.0.0.1:${port}`;
  if (host === "::") return `http://[::1]:${port}`;
  return `http://${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}

/** The error for a port that is taken, naming by whom where /proc tells: one's own processes, or all of them for root. */
export function portInUse(host: string, port: number): TitanError {
  const pid = findListener(port);
  const holder = pid === null ? "another process" : `process ${pid} (${commandOf(pid)})`;
  return new TitanError("port-in-use", `Port ${port} on ${host} is in use by ${holder}`);
}

/** The process that listens on TCP `port`; null where that cannot be told. Read only when a bind has failed: it looks at every process. */
export function findListener(port: number): number | null {
  const inodes = new Set([
    ...listeningInodes("/proc/net/tcp", port),
    ...listeningInodes("/proc/net/tcp6", port),
  ]);
  if (inodes.size === 0) return null;
  for (const pid of entries("/proc").filter((name) => /^[0-9]+$/.test(name))) {
    for (const handle of entries(`/proc/${pid}/fd`)) {
      const inode = /^socket:\[([0-9]+)\]$/.exec(link(`/proc/${pid}/fd/${handle}`))?.[1];
      if (inode !== undefined && inodes.has(inode)) return Number(pid);
    }
  }
  return null;
}

function listeningInodes(table: string, port: number): string[] {
  const LISTEN = "0A";
  const wanted = port.toString(16).toUpperCase().padStart(4, "0");
  let text: string;
  try {
    text = readFileSync(table, "utf8");
  } catch {
    return [];
  }
  return text
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns[3] === LISTEN && columns[1]?.split(":")[1] === wanted)
    .map((columns) => columns[9] ?? "0")
    .filter((inode) => inode !== "0");
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function link(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
