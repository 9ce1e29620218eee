/** The launcher of a simulated node and the processes that it runs, with virtual durations. */
import type { Launcher, LauncherEvent, LaunchOrder } from "@titan/agent/simulation";
import { type Behaviour, behaviourOf, PIECES } from "./behaviour.ts";
import type { NodeDisk } from "./node-disk.ts";
import type { Random } from "./random.ts";
import type { Time } from "./time.ts";

export interface Process {
  readonly key: string;
  readonly nodeId: string;
  readonly devices: readonly number[];
  alive: boolean;
}

/** `code` and `signal` as its parent learned them; both null where nobody was left to learn. */
export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: string | null;
  /** Bytes that it printed. */
  readonly stdout: number;
  readonly stderr: number;
}

/** What really runs: the only thing that the checks of capacity and overlap believe. */
export interface ProcessWatch {
  began(process: Process): void;

  ended(process: Process, end: ProcessEnd): void;
}

export class SimLauncher implements Launcher {
  readonly #nodeId: string;
  readonly #time: Time;
  readonly #random: Random;
  readonly #disk: NodeDisk;
  readonly #watch: ProcessWatch;
  readonly #heard: (event: LauncherEvent) => void;
  readonly #running = new Map<string, { process: Process; behaviour: Behaviour }>();
  #alive = true;
  #saidAt = 0;
  #orderedAt = 0;

  constructor(
    nodeId: string,
    time: Time,
    random: Random,
    disk: NodeDisk,
    watch: ProcessWatch,
    heard: (event: LauncherEvent) => void,
  ) {
    this.#nodeId = nodeId;
    this.#time = time;
    this.#random = random;
    this.#disk = disk;
    this.#watch = watch;
    this.#heard = heard;
  }

  start(order: LaunchOrder): void {
    this.#order(this.#random.span(1, 30), () => this.#spawn(order));
  }

  kill(id: string, graceMs: number): void {
    this.#order(1, () => {
      const found = this.#running.get(id);
      if (found === undefined) return;
      const { yieldsAfterMs } = found.behaviour;
      if (yieldsAfterMs !== null && yieldsAfterMs < graceMs)
        this.#later(yieldsAfterMs, () => this.#end(id, null, "SIGTERM"));
      this.#later(graceMs, () => this.#end(id, null, "SIGKILL"));
    });
  }

  async close(): Promise<void> {
    this.die();
  }

  /** Its processes die with it, and nobody hears of it. */
  die(): void {
    this.#alive = false;
    for (const { process } of this.#running.values()) {
      process.alive = false;
      this.#watch.ended(process, { code: null, signal: null, ...this.#disk.written(process.key) });
    }
    this.#running.clear();
  }

  #spawn({ id, argv, env }: LaunchOrder): void {
    const behaviour = behaviourOf(argv);
    if (behaviour.cannotStart) {
      this.#say({ ev: "failed", id, errno: "ENOENT", what: "exec", message: "no such file" });
      return;
    }
    const devices = (env.CUDA_VISIBLE_DEVICES ?? "").split(",").filter((part) => part !== "");
    const process: Process = { key: id, nodeId: this.#nodeId, devices: devices.map(Number), alive: true };
    this.#disk.open(id);
    this.#running.set(id, { process, behaviour });
    this.#watch.began(process);
    this.#say({ ev: "started", id, pid: 1, at: this.#time.now });
    for (let piece = 1; piece <= PIECES; piece++) {
      this.#later((behaviour.runMs * piece) / (PIECES + 1), () => {
        if (!process.alive) return;
        const part = (bytes: number): number => Math.floor((bytes * piece) / PIECES);
        this.#disk.write(id, part(behaviour.stdout), part(behaviour.stderr));
      });
    }
    const number = Number(id.slice(id.lastIndexOf(".") + 1));
    const code = behaviour.codes[Math.min(number, behaviour.codes.length) - 1] ?? 0;
    this.#later(behaviour.runMs, () => this.#end(id, code, null));
  }

  #end(id: string, code: number | null, signal: string | null): void {
    const found = this.#running.get(id);
    if (found === undefined) return;
    this.#running.delete(id);
    found.process.alive = false;
    const written = this.#disk.written(id);
    this.#watch.ended(found.process, { code, signal, ...written });
    this.#say({ ev: "exited", id, code, signal, at: this.#time.now, max_rss: 1, cpu_ms: 1, ...written });
  }

  /** Orders come through a pipe, one behind the other. */
  #order(ms: number, action: () => void): void {
    this.#orderedAt = Math.max(this.#orderedAt, this.#time.now + ms);
    this.#later(this.#orderedAt - this.#time.now, action);
  }

  /** By a pipe: a moment later, and only while both ends are there. */
  #say(event: LauncherEvent): void {
    this.#saidAt = Math.max(this.#saidAt, this.#time.now + this.#random.int(0, 2));
    this.#later(this.#saidAt - this.#time.now, () => this.#heard(event));
  }

  #later(ms: number, action: () => void): void {
    this.#time.after(ms, () => {
      if (this.#alive) action();
    });
  }
}
