/** The `titan` command as a process, in a state folder of its own. */
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));

export interface Ended {
  /** The exit code, or the signal's name. */
  readonly code: number | string;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** The first line of stdout or stderr that holds `text`; fails where the process ends before. */
  line(text: string): Promise<string>;
}

export class Home {
  readonly folder = mkdtempSync(join(tmpdir(), "titan-cli-"));
  readonly env: NodeJS.ProcessEnv;

  constructor() {
    const own = Object.entries(process.env).filter(
      ([name]) => !name.startsWith("TITAN_") && !name.startsWith("NODE_"),
    );
    this.env = {
      ...Object.fromEntries(own),
      XDG_STATE_HOME: join(this.folder, "state"),
      LANG: "C.UTF-8",
    };
  }

  start(args: readonly string[], env: NodeJS.ProcessEnv = {}): Started {
    const child = spawn(process.execPath, [MAIN, ...args], {
      env: { ...this.env, ...env },
      cwd: this.folder,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on("data", (data: Buffer) => out.push(data));
    child.stderr.on("data", (data: Buffer) => err.push(data));
    const seen: string[] = [];
    const watchers = new Set<(line: string) => void>();
    for (const input of [child.stdout, child.stderr]) {
      createInterface({ input }).on("line", (line) => {
        seen.push(line);
        for (const watcher of watchers) watcher(line);
      });
    }
    const ended = new Promise<Ended>((resolve) =>
      child.once("close", (code, signal) =>
        resolve({
          code: code ?? signal ?? "",
          stdout: Buffer.concat(out),
          stderr: Buffer.concat(err).toString(),
        }),
      ),
    );
    const line = (text: string) =>
      new Promise<string>((resolve, reject) => {
        const found = seen.find((each) => each.includes(text));
        if (found !== undefined) return resolve(found);
        watchers.add((each) => each.includes(text) && resolve(each));
        void ended.then(({ code, stderr }) =>
          reject(new Error(`ended with ${code} before "${text}":\n${stderr}`)),
        );
      });
    return { child, ended, line };
  }

  async titan(...args: string[]): Promise<Ended> {
    return await this.start(args).ended;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }
}
