/** The nodes of `titan dev`: each a `titan join` as a child process, which ends when this process does. */
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { ERRORS, type ErrorCode, TitanError } from "@titan/protocol";
import type { NodeReady, Parent } from "./parent-line.ts";

export interface LocalNode {
  readonly name: string;
  /** Flags of `titan join`. */
  readonly flags: readonly string[];
}

interface Child {
  readonly name: string;
  readonly process: ChildProcess;
  readonly ready: Promise<NodeReady>;
  readonly ended: Promise<string>;
  /** Whether it came so far as to join. */
  joined: boolean;
  /** What it gave as the reason of its end, if it could. */
  fault: TitanError | null;
}

const TITAN = fileURLToPath(new URL("../titan.mjs", import.meta.url));
/** A job's grace and the agent's farewell; what takes longer is killed. */
const END_MS = 12_000;

export class LocalNodes {
  readonly #children: readonly Child[];
  #ending = false;

  /** Started before the master, so that both load at the same time; they wait for its address on their stdin. */
  constructor(nodes: readonly LocalNode[], say: (line: string) => void) {
    this.#children = nodes.map((node) => startChild(node, say));
    for (const child of this.#children) {
      void child.ready.then(() => (child.joined = true));
      void child.ended.then((how) => {
        // One that never joined ends the start, with its reason: `join` throws that.
        if (this.#ending || !child.joined) return;
        say(`node ${child.name} (pid ${child.process.pid}) has ended: ${child.fault?.message ?? how}`);
      });
    }
  }

  /** Resolves when all have joined; throws where one ends before. */
  async join(parent: Parent): Promise<NodeReady[]> {
    for (const { process } of this.#children) process.stdin?.write(`${JSON.stringify(parent)}\n`);
    return await Promise.all(
      this.#children.map((child) =>
        Promise.race([
          child.ready,
          child.ended.then((how) => {
            throw whyNotJoined(child, how);
          }),
        ]),
      ),
    );
  }

  /** Ends them in order; `hurry` cuts the jobs' grace short. */
  async end(hurry: Promise<unknown>): Promise<void> {
    this.#ending = true;
    for (const child of this.#children) child.process.kill("SIGTERM");
    void hurry.then(() => this.kill());
    const late = setTimeout(() => this.kill(), END_MS);
    await Promise.all(this.#children.map(({ ended }) => ended));
    clearTimeout(late);
  }

  kill(): void {
    this.#ending = true;
    for (const child of this.#children) child.process.kill("SIGKILL");
  }
}

function whyNotJoined({ name, fault }: Child, how: string): TitanError {
  if (fault === null) {
    return new TitanError("internal", `node ${name} did not join: ${how}`, {
      hint: "What it said is above.",
    });
  }
  const field = fault.field === undefined ? {} : { field: fault.field };
  // Its own hint may name `titan join`, which nobody has typed here.
  const hint = fault.code === "usage" ? {} : { hint: fault.hint };
  return new TitanError(fault.code, `node ${name}: ${fault.message}`, { ...field, ...hint });
}

/** The line with which `titan join --json` ends where it fails; null for any other line. */
function faultIn(line: string): TitanError | null {
  if (!line.startsWith('{"error":')) return null;
  try {
    const { code, detail, hint, field } = (JSON.parse(line) as { error: Record<string, string> }).error;
    if (code === undefined || detail === undefined || !Object.hasOwn(ERRORS, code)) return null;
    const options = { ...(hint === undefined ? {} : { hint }), ...(field === undefined ? {} : { field }) };
    return new TitanError(code as ErrorCode, detail, options);
  } catch {
    return null;
  }
}

function startChild({ name, flags }: LocalNode, say: (line: string) => void): Child {
  // A group of its own: Ctrl-C reaches the parent only, which ends the nodes while their master is still there.
  const child = spawn(
    process.execPath,
    [TITAN, "join", "--with-parent", "--json", "--name", name, ...flags],
    {
      stdio: ["pipe", "pipe", "pipe"],
      detached: true,
    },
  );
  // It may end before it was told anything.
  child.stdin.on("error", () => undefined);
  createInterface({ input: child.stderr }).on("line", (line) => {
    const fault = faultIn(line);
    if (fault === null) say(`${name}: ${line}`);
    else about.fault = fault;
  });
  const ready = new Promise<NodeReady>((resolve) => {
    createInterface({ input: child.stdout }).once("line", (line) => resolve(JSON.parse(line) as NodeReady));
  });
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  const about: Child = { name, process: child, ready, ended, joined: false, fault: null };
  return about;
}
