/** The nodes of `titan dev`: each a `titan join` as a child process, which ends when this process does. */
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { TitanError } from "@titan/protocol";
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
    for (const { name, process, ended } of this.#children) {
      void ended.then((how) => {
        if (!this.#ending) say(`node ${name} (pid ${process.pid}) has ended: ${how}`);
      });
    }
  }

  /** Resolves when all have joined; throws where one ends before. */
  async join(parent: Parent): Promise<NodeReady[]> {
    for (const { process } of this.#children) process.stdin?.write(`${JSON.stringify(parent)}\n`);
    return await Promise.all(
      this.#children.map(({ name, ready, ended }) =>
        Promise.race([
          ready,
          ended.then((how) => {
            throw new TitanError("internal", `node ${name} did not join: ${how}`, {
              hint: "What it said is above.",
            });
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
  createInterface({ input: child.stderr }).on("line", (line) => say(`${name}: ${line}`));
  const ready = new Promise<NodeReady>((resolve) => {
    createInterface({ input: child.stdout }).once("line", (line) => resolve(JSON.parse(line) as NodeReady));
  });
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  return { name, process: child, ready, ended };
}
