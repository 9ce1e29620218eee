/** A node's agent: wires probe, launcher, attempts, logs and link together, and ends them in order. */
import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { arch, hostname, platform, release } from "node:os";
import { delimiter, join, resolve } from "node:path";
import type { Capacity, Labels } from "@titan/core";
import { TitanError, VERSION } from "@titan/protocol";
import { type FromNode, LINK_VERSIONS } from "@titan/protocol/link";
import { systemClock } from "./clock.ts";
import { bootId, defaultName, nodeId } from "./identity/identity.ts";
import { lockState } from "./identity/lock.ts";
import type { Link } from "./link/link.ts";
import { webSocketDial } from "./link/socket.ts";
import { type Log, silentLog } from "./log.ts";
import type { Overrides } from "./probe/overrides.ts";
import { probe } from "./probe/probe.ts";
import { attemptKey } from "./run/attempt-key.ts";
import type { Attempts } from "./run/attempts.ts";
import { BlobCache } from "./run/blobs.ts";
import { baseEnvironment } from "./run/environment.ts";
import { NodeFolders, noFolders } from "./run/folders.ts";
import { heldLauncher, type Launcher, startLauncher } from "./run/launcher.ts";
import { noopLauncher } from "./run/noop.ts";
import { prepare } from "./run/prepare.ts";
import { FileSource } from "./stream/source.ts";
import { watchFolder } from "./stream/watch.ts";
import { type Wiring, wire } from "./wiring.ts";

export interface AgentOptions {
  /** The master's address, such as `http://127.0.0.1:9090`. */
  readonly url: string;
  readonly token: string;
  /** The host's name where absent. */
  readonly name?: string;
  /** Made where it is not there; one agent at a time may use it. */
  readonly stateDir: string;
  readonly overrides?: Overrides;
  /** Added to `os` and `arch`. */
  readonly labels?: Labels;
  /** Runs the launcher, and the Python scripts that name no other. `python3` where absent. */
  readonly python?: string;
  /** `noop` starts nothing: every job has ended with code 0 at once. For measuring the rest. */
  readonly launcher?: "process" | "noop";
  /** How long jobs go on without a word from the master; 15 minutes where absent. */
  readonly lostAfterMs?: number;
  readonly log?: Log;
}

export interface Agent {
  readonly name: string;
  readonly capacity: Capacity;
  /** Resolves at the first welcome; rejects with a TitanError when the master refuses this node. */
  readonly ready: Promise<void>;
  /** Resolves when the agent has ended; rejects with a TitanError when the master or the launcher ended it. */
  readonly closed: Promise<void>;
  /** Ends the jobs with their grace, reports, and goes. With `now`, kills them at once and says nothing. */
  close(how?: { readonly now?: boolean }): Promise<void>;
}

const LOST_AFTER_MS = 15 * 60_000;
/** At its end the agent waits this long for the master to take the last reports and logs. */
const FAREWELL_MS = 5_000;

/**
 * Starts the agent of this node. Throws `state-in-use` and `launcher-failed`. An absent master is no error: it is
 * tried again until it is there.
 */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  mkdirSync(options.stateDir, { recursive: true, mode: 0o700 });
  const unlock = lockState(options.stateDir);
  try {
    const running = new RunningAgent(options, unlock);
    await running.start();
    return running;
  } catch (error) {
    unlock();
    throw error;
  }
}

class RunningAgent implements Agent {
  readonly name: string;
  readonly ready: Promise<void>;
  readonly closed: Promise<void>;
  capacity: Capacity = { cpuMillis: 0, memoryBytes: 0, devices: [] };
  private readonly options: AgentOptions;
  private readonly log: Log;
  private readonly unlock: () => void;
  private readonly blobs: BlobCache;
  private readonly folders: NodeFolders | null;
  private readonly attempts: Attempts;
  private readonly link: Link;
  private readonly id: string;
  private readonly boot = bootId();
  private readonly whenReady = Promise.withResolvers<void>();
  private readonly whenClosed = Promise.withResolvers<void>();
  private launcher: Launcher;
  private python = "";
  private about: Record<string, string> = {};
  private ending: Promise<void> | null = null;
  private farewellOver: () => void = () => {};
  private finishing: Promise<void> | null = null;

  constructor(options: AgentOptions, unlock: () => void) {
    const stateDir = resolve(options.stateDir);
    this.options = options;
    this.log = options.log ?? silentLog;
    this.unlock = unlock;
    this.name = options.name ?? defaultName();
    this.id = nodeId(stateDir);
    this.ready = this.whenReady.promise;
    this.closed = this.whenClosed.promise;
    // Whoever does not look at them has still been told by the log.
    this.ready.catch(() => {});
    this.closed.catch(() => {});
    const url = options.url.replace(/\/+$/, "");
    this.blobs = new BlobCache({
      dir: join(stateDir, "blobs"),
      url,
      token: options.token,
      clock: systemClock,
    });
    this.folders = options.launcher === "noop" ? null : new NodeFolders(stateDir, this.log);
    this.launcher = noopLauncher(systemClock, (event) => this.attempts.heard(event));
    const { attempts, link } = this.wire(url);
    this.attempts = attempts;
    this.link = link;
  }

  async start(): Promise<void> {
    const [found] = await Promise.all([probe(this.options.overrides), this.startLauncher()]);
    this.capacity = found.capacity;
    for (const warning of found.warnings) this.log.warn({}, warning);
    this.about = {
      host: hostname(),
      os: `${platform()} ${release()}`,
      arch: arch(),
      version: VERSION,
      node: process.version,
      pid: String(process.pid),
      python: this.python,
    };
    if (this.folders !== null) {
      this.attempts.adopt(this.folders.leftovers());
      this.blobs
        .trim()
        .catch((error: unknown) => this.log.warn({ error: String(error) }, "cannot trim the cache"));
    }
    this.link.connect();
  }

  close(how: { readonly now?: boolean } = {}): Promise<void> {
    if (how.now) return this.finish(null);
    this.ending ??= this.endJobs().then(() => this.finish(null));
    return this.ending;
  }

  private async endJobs(): Promise<void> {
    this.attempts.endAll("node-lost");
    await this.attempts.ended();
    // Nobody is there to tell: the reports stay in the state folder, and the next agent here tells them.
    if (!this.link.isUp()) return;
    const { promise: over, resolve } = Promise.withResolvers<void>();
    this.farewellOver = resolve;
    const late = systemClock.after(FAREWELL_MS, resolve);
    void this.attempts.forgotten().then(resolve);
    void this.closed.catch(() => {}).then(resolve);
    await over;
    late.cancel();
  }

  private finish(error: TitanError | null): Promise<void> {
    this.finishing ??= this.finishOnce(error);
    return this.finishing;
  }

  private async finishOnce(error: TitanError | null): Promise<void> {
    this.link.close();
    this.blobs.close();
    await this.launcher.close();
    await this.folders?.settled();
    this.unlock();
    const gone =
      error ?? new TitanError("master-unreachable", "the agent was closed before it reached its master");
    this.whenReady.reject(gone);
    if (error === null) this.whenClosed.resolve();
    else this.whenClosed.reject(error);
  }

  private async startLauncher(): Promise<void> {
    if (this.options.launcher === "noop") return;
    const held = heldLauncher();
    this.launcher = held;
    const { launcher, python } = await startLauncher({
      python: this.options.python ?? process.env.TITAN_PYTHON ?? "python3",
      env: baseEnvironment(process.env),
      heard: (event) => this.attempts.heard(event),
      gone: (why) => this.launcherGone(why),
    });
    this.python = python;
    held.release(launcher);
    this.launcher = launcher;
  }

  /** Its jobs are dead; a new one takes the next. Where that fails too the node is of no use and ends. */
  private launcherGone(why: string): void {
    this.log.error({ why }, "the launcher died; starting another");
    this.attempts.launcherGone();
    this.startLauncher().catch((error: TitanError) => this.finish(error));
  }

  private wire(url: string): Wiring {
    const folders = this.folders ?? noFolders;
    const path = process.env.PATH ?? ["/usr/local/bin", "/usr/bin", "/bin"].join(delimiter);
    return wire({
      clock: systemClock,
      log: this.log,
      folders,
      source: (dir, lines) => new FileSource(dir, lines),
      watch: watchFolder,
      launcher: () => this.launcher,
      prepare: (order) => {
        // Nothing is placed or looked up for a job that is not started.
        if (this.folders === null) return { id: attemptKey(order), argv: [], env: {}, cwd: "", dir: "" };
        return prepare(order, {
          folders,
          blobs: this.blobs,
          node: this.name,
          url,
          python: this.python,
          path,
        });
      },
      lostAfterMs: this.options.lostAfterMs ?? LOST_AFTER_MS,
      dial: webSocketDial(url, this.options.token),
      random: Math.random,
      schedule: (action, waitMs) =>
        void (waitMs === 0 ? setImmediate(action) : systemClock.after(waitMs, action)),
      hello: () => this.hello(),
      instance: randomUUID(),
      welcomed: () => {
        this.log.info({ url, node: this.name }, "joined the master");
        this.whenReady.resolve();
      },
      disconnected: () => this.farewellOver(),
      refused: (error) => {
        this.log.error({ code: error.code, hint: error.hint }, error.message);
        void this.finish(error);
      },
      isOpen: () => this.ending === null,
    });
  }

  private hello(): Omit<FromNode & { t: "hello" }, "attempts" | "instance"> {
    return {
      t: "hello",
      ...LINK_VERSIONS,
      version: VERSION,
      id: this.id,
      name: this.name,
      bootId: this.boot,
      capacity: this.capacity,
      labels: { os: platform(), arch: arch(), ...this.options.labels },
      about: this.about,
    };
  }
}
