/** The table of commands: one file each, loaded when called. */
import type { Command } from "../command.ts";

export interface Entry {
  readonly name: string;
  readonly group: "cluster" | "jobs" | "more";
  readonly summary: string;
  readonly load: () => Promise<{ default: Command }>;
}

export const COMMANDS: readonly Entry[] = [
  {
    name: "dev",
    group: "cluster",
    summary: "a master and nodes on this machine, to try things out",
    load: () => import("./dev.ts"),
  },
  { name: "serve", group: "cluster", summary: "run a master", load: () => import("./serve.ts") },
  {
    name: "join",
    group: "cluster",
    summary: "make this machine a node of a master",
    load: () => import("./join.ts"),
  },
  {
    name: "node ls",
    group: "cluster",
    summary: "the nodes and what they have",
    load: () => import("./node-ls.ts"),
  },
  {
    name: "hw",
    group: "cluster",
    summary: "what this machine would offer as a node, and why",
    load: () => import("./hw.ts"),
  },
  {
    name: "run",
    group: "jobs",
    summary: "run a command on a node that fits, and watch it",
    load: () => import("./run.ts"),
  },
  {
    name: "submit",
    group: "jobs",
    summary: "submit a script or a pipeline file",
    load: () => import("./submit.ts"),
  },
  { name: "ps", group: "jobs", summary: "jobs that wait and run", load: () => import("./ps.ts") },
  { name: "status", group: "jobs", summary: "one job in full", load: () => import("./status.ts") },
  { name: "logs", group: "jobs", summary: "what a job printed", load: () => import("./logs.ts") },
  { name: "why", group: "jobs", summary: "why a job waits, node by node", load: () => import("./why.ts") },
  { name: "cancel", group: "jobs", summary: "end a job", load: () => import("./cancel.ts") },
  { name: "token", group: "more", summary: "print your token", load: () => import("./token.ts") },
  { name: "version", group: "more", summary: "print the version", load: () => import("./version.ts") },
  { name: "help", group: "more", summary: "help on a command", load: () => import("./help.ts") },
];
