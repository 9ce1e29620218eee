/** One seed: a whole cluster with its faults, from the first submission until everything has ended. */
import { ENGINE_SETTINGS } from "@titan/master/simulation";
import { type Batch, openSqliteStore, type Store } from "@titan/store";
import type { Check } from "./checks/check.ts";
import { complaints } from "./checks/cluster.ts";
import { cancelsKept, logsExact, nothingLost } from "./checks/ends.ts";
import { capacityKept, decidedFirst, neverTwice } from "./checks/processes.ts";
import { affinityKept, oneResult, reportsTrue } from "./checks/rows.ts";
import { silenceKept } from "./checks/silence.ts";
import { Client } from "./client.ts";
import type { ProcessWatch } from "./launcher.ts";
import { Ledger } from "./ledger.ts";
import { Machine } from "./machine.ts";
import { MasterProcess } from "./master-process.ts";
import { LogDisk } from "./memory-logs.ts";
import { MemoryStore } from "./memory-store.ts";
import { type Faults, unleash } from "./nemesis.ts";
import { Network } from "./network.ts";
import { Random } from "./random.ts";
import { Time } from "./time.ts";
import { Trace } from "./trace.ts";
import { makeNodes, makeWorkload } from "./workload.ts";

export interface SimulationOptions {
  readonly seed: number;
  readonly store: "memory" | "sqlite";
  readonly nodes: number;
  readonly jobs: number;
  /** Retries together with long silences: overlaps are expected as long as starts carry no permit. */
  readonly overlaps: boolean;
  /** Keeps every line of the trace. */
  readonly full: boolean;
}

export interface SimulationResult {
  readonly seed: number;
  readonly hash: string;
  readonly wrong: readonly string[];
  readonly lines: readonly string[];
  /** Events of the virtual time. */
  readonly steps: number;
  readonly virtualMs: number;
}

const LEASE_MS = 10_000;
const LOST_AFTER_MS = 25_000;
const SUBMIT_MS = 30_000;
const FAULTS_MS = 100_000;
/** No job may take longer than this once no fault is left. */
const END_MS = 1_200_000;
/** Every node is back and has forgotten what it ran, this long after the last job has ended. */
const QUIET_MS = 120_000;
const WRONG_MAX = 5;

export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  const store = options.store === "memory" ? new MemoryStore() : await openSqliteStore(":memory:");
  try {
    return await new Simulation(options, store).run();
  } finally {
    await store.close();
  }
}

class Simulation {
  readonly #options: SimulationOptions;
  readonly #random: Random;
  readonly #time = new Time();
  readonly #trace: Trace;
  readonly #ledger = new Ledger();
  readonly #logs = new LogDisk();
  readonly #wrong: string[] = [];
  readonly #store: Store;
  readonly #faults: Faults;
  readonly #checks: readonly Check[];
  readonly #machines: readonly Machine[];
  readonly #network: Network;
  readonly #master: MasterProcess;

  constructor(options: SimulationOptions, store: Store) {
    this.#options = options;
    this.#store = store;
    this.#random = new Random(options.seed);
    this.#trace = new Trace(() => this.#time.elapsed, options.full);
    const retries = options.overlaps || this.#random.chance(0.5);
    const everyMs = this.#random.pick([500, 2_000, 6_000, 20_000]);
    this.#faults = { retries, longSilence: options.overlaps || !retries, everyMs };
    const wrong = (what: string) => this.#say(what);
    this.#checks = [
      capacityKept(wrong),
      neverTwice(wrong),
      decidedFirst(wrong),
      oneResult(wrong),
      reportsTrue(wrong),
      affinityKept(wrong),
      silenceKept({ leaseMs: LEASE_MS, lostAfterMs: LOST_AFTER_MS }, wrong),
      nothingLost(wrong),
      cancelsKept((nodeId) => this.#network.disturbedUntil(nodeId), wrong),
      logsExact(wrong),
    ];
    const random = this.#random;
    this.#network = new Network(this.#time, random.fork());
    this.#master = this.#makeMaster();
    this.#machines = makeNodes(options.nodes, random.fork()).map(
      (node) =>
        new Machine({
          node,
          time: this.#time,
          random: random.fork(),
          network: this.#network,
          processes: this.#processes(),
          lostAfterMs: LOST_AFTER_MS,
          refused: (id, code, wasThere) => {
            this.#trace.add(`${id} was refused: ${code}`);
            if (wasThere) this.#say(`turned away: ${id}, by its own master: ${code}`);
          },
        }),
    );
  }

  async run(): Promise<SimulationResult> {
    const random = this.#random;
    const client = this.#makeClient();
    client.run(makeWorkload(this.#options.jobs, SUBMIT_MS, this.#faults.retries, random.fork()));
    const { running } = this.#ledger;
    const victims = { master: this.#master, machines: this.#machines, network: this.#network, running };
    const tell = (name: string) => this.#trace.add(`fault: ${name}`);
    unleash(victims, this.#faults, this.#time, random.fork(), FAULTS_MS, tell);
    this.#time.after(FAULTS_MS, () => this.#network.heal());
    const isWrong = () => this.#wrong.length >= WRONG_MAX;
    const isOver = () => this.#time.elapsed > FAULTS_MS && client.open === 0 && this.#allEnded();
    await this.#time.run(END_MS, () => isWrong() || isOver());
    if (!isWrong()) {
      await this.#time.run(
        this.#time.elapsed + QUIET_MS,
        () =>
          isWrong() ||
          this.#ledger.running.size + complaints(this.#machines, this.#master.engine?.state).length === 0,
      );
      this.#judgeEnd(client.open);
    }
    const { seed } = this.#options;
    const { steps, elapsed: virtualMs } = this.#time;
    return {
      seed,
      hash: this.#trace.hash(),
      wrong: this.#wrong,
      lines: this.#trace.lines(),
      steps,
      virtualMs,
    };
  }

  #judgeEnd(open: number): void {
    if (open > 0) this.#say(`liveness: ${open} requests have no answer`);
    for (const check of this.#checks) check.final?.(this.#ledger, this.#logs);
    for (const what of complaints(this.#machines, this.#master.engine?.state)) this.#say(what);
  }

  #allEnded(): boolean {
    const { acknowledged, jobs } = this.#ledger;
    for (const id of acknowledged) if ((jobs.get(id)?.finishedAt ?? null) === null) return false;
    return acknowledged.size === this.#options.jobs;
  }

  #makeMaster(): MasterProcess {
    return new MasterProcess({
      time: this.#time,
      random: this.#random.fork(),
      network: this.#network,
      store: this.#store,
      logs: this.#logs,
      // Few, so that parents and targets of affinity are forgotten and come back from the store.
      settings: {
        ...ENGINE_SETTINGS,
        leaseMs: LEASE_MS,
        lostAfterMs: LOST_AFTER_MS,
        finishedMax: 30,
        payloadCacheBytes: 300,
      },
      stored: (batch) => this.#stored(batch),
      started: () => {
        this.#ledger.masterSince = this.#time.now;
        this.#trace.add("the master serves");
      },
      finding: (what) => this.#say(what),
    });
  }

  #makeClient(): Client {
    const ledger = this.#ledger;
    return new Client(this.#time, this.#random.fork(), () => this.#master.engine, this.#store, {
      submitted: (ids) => {
        for (const id of ids) {
          ledger.acknowledged.add(id);
          if (!ledger.jobs.has(id)) this.#say(`lost: ${id} is acknowledged and not in the store`);
        }
        this.#trace.add(`acknowledged ${ids.join(" ")}`);
      },
      cancelled: (id) => {
        ledger.cancelled.set(id, { attempt: ledger.jobs.get(id)?.attempt ?? 0, at: this.#time.now });
        this.#trace.add(`cancelled ${id}`);
      },
      finding: (what) => this.#say(what),
    });
  }

  #processes(): ProcessWatch {
    const { running, outcomes } = this.#ledger;
    return {
      began: (process) => {
        running.add(process);
        this.#trace.add(`${process.key} runs on ${process.nodeId} [${process.devices}]`);
        for (const check of this.#checks) check.began?.(process, this.#ledger);
      },
      ended: (process, end) => {
        running.delete(process);
        outcomes.set(process.key, { nodeId: process.nodeId, ...end });
        for (const check of this.#checks) check.ended?.(process, this.#ledger, this.#time.now);
        this.#trace.add(`${process.key} is gone: ${end.code ?? end.signal ?? "with its parent"}`);
      },
    };
  }

  #stored(batch: Batch): void {
    for (const check of this.#checks) check.storing?.(batch, this.#ledger, this.#time.now);
    this.#ledger.take(batch, this.#time.now);
    for (const { table, row } of batch.changes) {
      if (table === "jobs")
        this.#trace.add(
          `${row.id} is ${row.state}${row.exit ? ` (${row.exit.cause} ${row.exit.message})` : ""}`,
        );
      else if (table === "attempts")
        this.#trace.add(`${row.jobId}.${row.number} is ${row.state} on ${row.nodeId}`);
      else if (table === "nodes") this.#trace.add(`${row.id} is ${row.connected ? "connected" : "silent"}`);
    }
    this.#trace.rows(batch.changes);
  }

  #say(what: string): void {
    this.#trace.add(`WRONG ${what}`);
    if (this.#wrong.length < WRONG_MAX) this.#wrong.push(what);
  }
}
