/** A simulated node: disk, launcher, and the shipped agent on them, each of which may die by itself. */
import { type Launcher, silentLog, type Wiring, wire } from "@titan/agent/simulation";
import type { NewNode } from "@titan/core";
import { LINK_VERSIONS } from "@titan/protocol/link";
import { behaviourOf } from "./behaviour.ts";
import { type ProcessWatch, SimLauncher } from "./launcher.ts";
import type { Network } from "./network.ts";
import { NodeDisk } from "./node-disk.ts";
import type { Random } from "./random.ts";
import { ProcessClock, type Time } from "./time.ts";

/** What restarts an agent that has ended by itself, as systemd does. */
const SUPERVISOR_MS = 5_000;

export interface MachineParts {
  readonly node: NewNode;
  readonly time: Time;
  readonly random: Random;
  readonly network: Network;
  readonly processes: ProcessWatch;
  readonly lostAfterMs: number;
  /** The master turned the agent away; `wasThere` if it had taken the same one before. */
  readonly refused: (nodeId: string, code: string, wasThere: boolean) => void;
}

export class Machine {
  readonly id: string;
  readonly #parts: MachineParts;
  readonly #disk = new NodeDisk();
  #boots = 1;
  #instances = 0;
  /** The last agent that the master took. */
  #welcomed = 0;
  #clock: ProcessClock;
  #launcher: SimLauncher | null = null;
  #wiring: Wiring | null = null;

  constructor(parts: MachineParts) {
    this.#parts = parts;
    this.id = parts.node.id;
    this.#clock = new ProcessClock(parts.time);
    this.#startAgent();
  }

  get isUp(): boolean {
    return this.#wiring !== null;
  }

  /** Attempts that the agent still knows; null while there is none. */
  known(): number | null {
    return this.#wiring === null ? null : this.#wiring.attempts.reports().length;
  }

  /** The agent alone: the kernel closes its sockets, and its launcher ends the jobs when its pipe closes. */
  killAgent(downMs: number): void {
    if (!this.isUp) return;
    this.#stopAgent(false);
    const launcher = this.#launcher;
    this.#parts.time.after(this.#parts.random.int(0, 20), () => launcher?.die());
    this.#parts.time.after(Math.max(100, downMs), () => this.#startAgent());
  }

  killLauncher(): void {
    if (!this.isUp) return;
    this.#launcher?.die();
    this.#launcher = this.#newLauncher();
    this.#wiring?.attempts.launcherGone();
  }

  /** Power off and on: everything is gone but the disk, and nobody is told. */
  reboot(downMs: number): void {
    if (!this.isUp) return;
    this.#stopAgent(true);
    this.#launcher?.die();
    this.#boots += 1;
    this.#parts.time.after(downMs, () => this.#startAgent());
  }

  #stopAgent(silently: boolean): void {
    this.#clock.alive = false;
    this.#wiring = null;
    this.#parts.network.agentDied(this.id, silently);
  }

  #startAgent(): void {
    if (this.isUp) return;
    const { time } = this.#parts;
    this.#instances += 1;
    const clock = new ProcessClock(time);
    this.#clock = clock;
    this.#launcher = this.#newLauncher();
    this.#wiring = this.#wire(clock);
    this.#wiring.attempts.adopt(this.#disk.leftovers());
    this.#wiring.link.connect();
  }

  #wire(clock: ProcessClock): Wiring {
    const { network, random, lostAfterMs } = this.#parts;
    return wire({
      clock,
      log: silentLog,
      folders: this.#disk.folders(clock),
      source: (dir, lines) => this.#disk.source(dir, lines),
      watch: (dir, look) => this.#disk.watch(dir, clock, look),
      launcher: (): Launcher => this.#launcher as SimLauncher,
      prepare: (order) => {
        const argv = order.payload.command ?? [];
        const env = { CUDA_VISIBLE_DEVICES: order.devices.map(({ index }) => index).join(",") };
        const launch = { id: `${order.jobId}.${order.number}`, argv, env, cwd: "/work", dir: "" };
        const { prepareMs } = behaviourOf(argv);
        if (prepareMs === 0) return launch;
        return new Promise((resolve) => clock.after(prepareMs, () => resolve(launch)));
      },
      lostAfterMs,
      dial: (events) => network.dial(this.id, clock, events),
      random: () => random.next(),
      schedule: (action, waitMs) => void clock.after(waitMs, action),
      hello: () => this.#hello(),
      instance: `${this.id}-${this.#instances}`,
      welcomed: () => {
        this.#welcomed = this.#instances;
      },
      refused: (error) => this.#refused(error.code),
      isOpen: () => true,
    });
  }

  #hello() {
    const { node } = this.#parts;
    return {
      t: "hello",
      ...LINK_VERSIONS,
      version: "simulated",
      ...node,
      bootId: `${node.id}-boot-${this.#boots}`,
    } as const;
  }

  /** The real agent ends then, and its jobs with it. */
  #refused(code: string): void {
    this.#parts.refused(this.id, code, this.#welcomed === this.#instances);
    this.#parts.time.after(0, () => this.killAgent(SUPERVISOR_MS));
  }

  #newLauncher(): SimLauncher {
    const { time, random, processes } = this.#parts;
    const clock = this.#clock;
    return new SimLauncher(this.id, time, random, this.#disk, processes, (event) => {
      if (clock.alive) this.#wiring?.attempts.heard(event);
    });
  }
}
