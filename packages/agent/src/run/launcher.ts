/** The agent's side of the launcher: one process, started early; JSON lines over its stdin and stdout. */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { TitanError } from "@titan/protocol";

export interface LaunchOrder {
  /** `<jobId>.<number>`. */
  readonly id: string;
  readonly argv: readonly string[];
  /** The file to run where it is not `argv[0]`. */
  readonly exe?: string;
  /** What differs from the launcher's own environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** The attempt's folder: `stdout` and `stderr` are opened in it. */
  readonly dir: string;
}

export type LauncherEvent =
  | { readonly ev: "ready"; readonly pid: number; readonly version: number; readonly python: string }
  | { readonly ev: "started"; readonly id: string; readonly pid: number; readonly at: number }
  | LaunchFailure
  | {
      readonly ev: "exited";
      readonly id: string;
      readonly code: number | null;
      readonly signal: string | null;
      readonly at: number;
      readonly max_rss: number;
      readonly cpu_ms: number;
      readonly stdout: number;
      readonly stderr: number;
    };

export interface LaunchFailure {
  readonly ev: "failed";
  readonly id: string;
  readonly errno: string;
  readonly what: "cwd" | "output" | "exec";
  readonly message: string;
}

/** Starts and kills jobs; says what became of them through the `heard` that it was made with. */
export interface Launcher {
  start(order: LaunchOrder): void;
  kill(id: string, graceMs: number): void;
  /** Ends it, and with it whatever it still runs. Resolves when it is gone. */
  close(): Promise<void>;
}

/** Keeps orders while there is no launcher; `release` passes them on to the one that there is then. */
export function heldLauncher(): Launcher & { release(to: Launcher): void } {
  const held: ((to: Launcher) => void)[] = [];
  return {
    start: (order) => void held.push((to) => to.start(order)),
    kill: (id, graceMs) => void held.push((to) => to.kill(id, graceMs)),
    close: async () => {},
    release: (to) => {
      for (const pass of held.splice(0)) pass(to);
    },
  };
}

export interface LauncherOptions {
  readonly python: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly heard: (event: LauncherEvent) => void;
  /** It died without being asked to; its jobs' groups have been killed. */
  readonly gone: (why: string) => void;
}

const SCRIPT = fileURLToPath(new URL("../../launcher/launcher.py", import.meta.url));
const READY_MS = 20_000;

/** Starts the launcher. Resolves when it is ready, with its interpreter's real path; else throws `launcher-failed`. */
export function startLauncher(
  options: LauncherOptions,
): Promise<{ launcher: Launcher; python: string; pid: number }> {
  // `-I -S`: nothing of the user's Python set-up is loaded: quicker, smaller, and none of it can break it.
  // In a session of its own, so that Ctrl-C reaches the agent alone, which then ends the jobs in order.
  const child = spawn(options.python, ["-I", "-S", SCRIPT], {
    stdio: ["pipe", "pipe", "pipe"],
    env: options.env,
    detached: true,
  });
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => {
      clearTimeout(timer);
      child.kill("SIGKILL");
      reject(new TitanError("launcher-failed", `the launcher did not start with ${options.python}: ${why}`));
    };
    const timer = setTimeout(() => fail(`no word from it in ${READY_MS / 1000} s`), READY_MS);
    const client = new LauncherProcess(child, options, (event) => {
      clearTimeout(timer);
      resolve({ launcher: client, python: event.python, pid: event.pid });
    });
    child.once("error", (error) => fail(error.message));
    client.ended.then((why) => fail(why));
  });
}

class LauncherProcess implements Launcher {
  /** Resolves with the reason when the process has ended. */
  readonly ended: Promise<string>;
  private readonly child: ChildProcess;
  private readonly options: LauncherOptions;
  private readonly pids = new Map<string, number>();
  private readonly ready: (event: LauncherEvent & { ev: "ready" }) => void;
  private isReady = false;
  private closing = false;
  private pending = "";
  private rest = "";
  private complaint = "";

  constructor(
    child: ChildProcess,
    options: LauncherOptions,
    ready: (event: LauncherEvent & { ev: "ready" }) => void,
  ) {
    this.child = child;
    this.options = options;
    this.ready = ready;
    child.stdout?.setEncoding("utf8").on("data", (text: string) => this.read(text));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.complaint = (this.complaint + text).slice(-2_000);
    });
    // Writes to a launcher that has just died; `close` tells about it.
    child.stdin?.on("error", () => {});
    this.ended = new Promise((resolve) => {
      child.once("close", (code, signal) => {
        const why = this.complaint.trim() || `it ended with ${signal ?? `exit code ${code}`}`;
        if (!this.closing && this.isReady) this.died(why);
        resolve(why);
      });
      child.once("error", (error) => resolve(error.message));
    });
  }

  start(order: LaunchOrder): void {
    this.say({ op: "start", ...order });
  }

  kill(id: string, graceMs: number): void {
    this.say({ op: "kill", id, grace_ms: graceMs });
  }

  async close(): Promise<void> {
    this.closing = true;
    this.child.stdin?.end();
    await this.ended;
  }

  /** Lines of one turn of the event loop go out as one write. */
  private say(order: object): void {
    if (this.pending === "") queueMicrotask(() => this.flush());
    this.pending += `${JSON.stringify(order)}\n`;
  }

  private flush(): void {
    const text = this.pending;
    this.pending = "";
    if (this.child.stdin?.writable) this.child.stdin.write(text);
  }

  private read(text: string): void {
    const lines = (this.rest + text).split("\n");
    this.rest = lines.pop() ?? "";
    for (const line of lines) {
      const event = JSON.parse(line) as LauncherEvent;
      if (event.ev === "started") this.pids.set(event.id, event.pid);
      else if (event.ev === "exited") this.pids.delete(event.id);
      if (event.ev !== "ready") this.options.heard(event);
      else {
        this.isReady = true;
        this.ready(event);
      }
    }
  }

  private died(why: string): void {
    for (const pid of this.pids.values()) {
      try {
        process.kill(-pid, "SIGKILL");
      } catch {
        // The group is gone already.
      }
    }
    this.options.gone(why);
  }
}
