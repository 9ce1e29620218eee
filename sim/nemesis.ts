/** Brings faults upon the cluster until it is told to stop; which ones there are, the seed decides. */
import { encodeFrame } from "@titan/protocol/link";
import type { Process } from "./launcher.ts";
import { jobOfKey } from "./ledger.ts";
import type { Machine } from "./machine.ts";
import type { MasterProcess } from "./master-process.ts";
import type { Network } from "./network.ts";
import type { Random } from "./random.ts";
import type { Time } from "./time.ts";

/**
 * `retries`: jobs may be tried again. `longSilence`: nodes may be out of reach for longer than the lease. Both together
 * make two attempts of one job run at once as long as starts carry no permit; see README.md.
 */
export interface Faults {
  readonly retries: boolean;
  readonly longSilence: boolean;
  /** Mean time between two faults. */
  readonly everyMs: number;
}

export interface Victims {
  readonly master: MasterProcess;
  readonly machines: readonly Machine[];
  readonly network: Network;
  /** What really runs. */
  readonly running: ReadonlySet<Process>;
}

type Fault = (victims: Victims, random: Random, time: Time) => void;

const anyNode = (victims: Victims, random: Random): Machine => random.pick(victims.machines);

/** None of these keeps a node from the master for longer than the lease. */
const SHORT: readonly (readonly [string, Fault])[] = [
  ["kill master", ({ master }, random) => master.crash(random.span(20, 2_000))],
  ["kill agent", (all, random) => anyNode(all, random).killAgent(random.span(100, 30_000))],
  ["kill launcher", (all, random) => anyNode(all, random).killLauncher()],
  ["reboot", (all, random) => anyNode(all, random).reboot(random.span(1_000, 30_000))],
  ["cut", (all, random) => all.network.cut(anyNode(all, random).id)],
  [
    "cut all",
    ({ network, machines }) => {
      for (const { id } of machines) network.cut(id);
    },
  ],
  [
    "stall",
    (all, random) =>
      all.network.stall(anyNode(all, random).id, random.pick(["up", "down"]), random.span(50, 3_000)),
  ],
  [
    "echo",
    (all, random) => {
      for (let time = 0; time < 10; time++) all.network.echo(anyNode(all, random).id);
    },
  ],
  ["lie", lie],
  [
    "commit fails",
    ({ master }) => {
      if (master.faults) master.faults.store.next = "fail";
    },
  ],
  [
    "commit unknown",
    ({ master }) => {
      if (master.faults) master.faults.store.next = "unknown";
    },
  ],
  [
    "crash before commit",
    ({ master }) => {
      if (master.faults) master.faults.store.next = "crash-before";
    },
  ],
  [
    "crash after commit",
    ({ master }) => {
      if (master.faults) master.faults.store.next = "crash-after";
    },
  ],
  [
    "commit and load fail",
    ({ master }) => {
      if (master.faults === null) return;
      master.faults.store.next = "fail";
      master.faults.store.loadFails = true;
    },
  ],
  [
    "slow disk",
    ({ master }, random, time) => {
      if (master.faults) master.faults.store.slowUntil = time.now + random.span(100, 3_000);
    },
  ],
  [
    "log write fails",
    ({ master }) => {
      if (master.faults) master.faults.logs.failNext = true;
    },
  ],
];

/** Reports of attempts that are not the node's own, or no longer: none may change anything. */
function lie(all: Victims, random: Random, time: Time): void {
  for (const { key, nodeId } of all.running) {
    const jobId = jobOfKey(key);
    const number = Number(key.slice(jobId.length + 1));
    const exit = { cause: "exit", code: 77, signal: null, message: "", maxRssBytes: 0, cpuMs: 0 } as const;
    const said = { state: "exited", startedAt: time.now, exitedAt: time.now, exit, logBytes: null } as const;
    const other = anyNode(all, random).id;
    if (other !== nodeId)
      all.network.say(other, encodeFrame([{ t: "report", report: { jobId, number, ...said } }]));
    if (number > 1)
      all.network.say(nodeId, encodeFrame([{ t: "report", report: { jobId, number: number - 1, ...said } }]));
  }
}

const LONG: readonly (readonly [string, Fault])[] = [
  [
    "deafen",
    (all, random) => all.network.deafen(anyNode(all, random).id, random.pick(["up", "down", "both"])),
  ],
  ["isolate", (all, random) => all.network.isolate(anyNode(all, random).id, random.int(1_000, 70_000))],
  [
    "long stall",
    (all, random) =>
      all.network.stall(anyNode(all, random).id, random.pick(["up", "down"]), random.int(3_000, 60_000)),
  ],
  ["master away", ({ master }, random) => master.crash(random.int(2_000, 60_000))],
];

export function unleash(
  victims: Victims,
  faults: Faults,
  time: Time,
  random: Random,
  untilMs: number,
  tell: (name: string) => void,
): void {
  const all = faults.longSilence ? [...SHORT, ...LONG, ...LONG] : SHORT;
  const next = (): void => {
    const wait = random.span(1, faults.everyMs * 4);
    if (time.elapsed + wait > untilMs) return;
    time.after(wait, () => {
      const [name, fault] = random.pick(all);
      tell(name);
      fault(victims, random, time);
      next();
    });
  };
  next();
}
