/** The one writer, and what others may ask of it: commands, committed jobs, and to be told when something ends. */
import {
  type Change,
  type Command,
  type Effect,
  type FinishedJob,
  isFinished,
  type Job,
  type Rejection,
  type State,
} from "@titan/core";
import type { Store } from "@titan/store";
import type { Clock } from "./clock.ts";
import type { Group } from "./group.ts";
import { PayloadCache } from "./payload-cache.ts";
import { allStates, type RunCounts, RunTally, unfinishedOf } from "./run-tally.ts";
import type { EngineSettings } from "./settings.ts";
import { Waiters } from "./waiters.ts";
import { type EngineOptions, type Extra, finishedPart, Writer } from "./writer.ts";

export type { EngineOptions, Extra } from "./writer.ts";
export type CommitListener = (jobs: readonly Job[], changes: readonly Change[]) => void;

export class Engine {
  readonly settings: EngineSettings;
  readonly clock: Clock;
  readonly #store: Store;
  readonly #log: EngineOptions["log"];
  readonly #writer: Writer;
  readonly #payloads: PayloadCache;
  readonly #tally = new RunTally();
  readonly #jobWaiters = new Waiters<Job>();
  readonly #runWaiters = new Waiters<RunCounts>();
  readonly #commitListeners = new Set<CommitListener>();
  readonly #resetListeners = new Set<() => void>();
  #sink: (effect: Effect) => void = () => undefined;

  /** Loads memory from the store. Nodes that were connected count as silent from now on, until they say hello. */
  static async open(options: EngineOptions): Promise<Engine> {
    const engine = new Engine(options);
    await engine.#writer.load();
    return engine;
  }

  private constructor(options: EngineOptions) {
    this.#store = options.store;
    this.clock = options.clock;
    this.settings = options.settings;
    this.#log = options.log;
    this.#payloads = new PayloadCache(options.settings.payloadCacheBytes);
    this.#writer = new Writer(options, {
      applying: (changes) => this.#tally.note(changes),
      committed: (group) => this.#release(group),
      reset: () => {
        for (const listener of this.#resetListeners) this.#tell(listener);
      },
      loaded: () => this.#startOver(),
    });
  }

  /** Memory, read only. It may be one group ahead of the store, and is another object after a failed commit. */
  get state(): State {
    return this.#writer.state;
  }

  /**
   * Resolves when the command's changes are durable. Rejects with a `TitanError`: the core's rejection, or
   * `commit-unknown` where the commit failed or its outcome is not known, or the engine is closed.
   */
  async execute(command: Command, extra?: Extra): Promise<void> {
    const payloads = extra?.payloads ?? [];
    // Before the command: what it submits may be placed and started before its answer is out.
    for (const row of payloads) this.#payloads.put(row.jobId, row.payload);
    try {
      await this.#writer.execute(command, extra);
    } catch (error) {
      for (const row of payloads) this.#payloads.take(row.jobId);
      throw error;
    }
  }

  /**
   * The same for those who need no answer but a rejection, such as reports of a node: without a promise for each. While
   * memory is being reloaded it is dropped: the links are cut then, and a node says everything again when it returns.
   */
  offer(command: Command): Rejection | null {
    return this.#writer.offer(command);
  }

  /** Effects go here, each after the commit of its group. */
  setEffectSink(sink: (effect: Effect) => void): void {
    this.#sink = sink;
  }

  /** Jobs changed by each committed group, each once, and all its changes as they came. Returns unsubscribe. */
  onCommitted(listener: CommitListener): () => void {
    this.#commitListeners.add(listener);
    return () => this.#commitListeners.delete(listener);
  }

  /** Called when memory was thrown away: whatever was built on it is void, links above all. Returns unsubscribe. */
  onReset(listener: () => void): () => void {
    this.#resetListeners.add(listener);
    return () => this.#resetListeners.delete(listener);
  }

  /** The committed job: memory first, else the store. */
  async job(id: string): Promise<Job | null> {
    await this.#writer.settled();
    // What gathered since may be about this very job, and is not committed yet.
    const inMemory = this.#writer.isAhead ? undefined : this.state.jobs.get(id);
    return inMemory ?? (await this.#store.job(id));
  }

  /** The job when it has ended, or as it is after `waitMs` or when `signal` aborts; null where there is none. */
  async waitForJob(id: string, waitMs: number, signal?: AbortSignal): Promise<Job | null> {
    const job = await this.job(id);
    if (job === null || isFinished(job.state) || this.#writer.closed) return job;
    // It may have ended while the store was asked; then nobody would wake a waiter that comes only now.
    if (!this.state.jobs.has(id)) return this.job(id);
    return (await this.#jobWaiters.wait(id, waitMs, signal)) ?? this.job(id);
  }

  /** Counts of the run when none of its jobs is unfinished, or as they are after `waitMs`. All zero: no such run. */
  async waitForRun(runId: string, waitMs: number, signal?: AbortSignal): Promise<RunCounts> {
    const counts = await this.#countRun(runId);
    if (counts.waiting + counts.running === 0 || this.#writer.closed) return counts;
    if (unfinishedOf(this.state, runId) === 0) return this.#countRun(runId);
    return (await this.#runWaiters.wait(runId, waitMs, signal)) ?? this.#countRun(runId);
  }

  /**
   * Finished jobs that a submission refers to and that memory may have forgotten: those of `refs` (job ids, others are
   * ignored), and the one of the run that finished last on a node. They go into `submit.known`.
   */
  async known(refs: readonly string[], runId: string | null): Promise<FinishedJob[]> {
    const { state } = this;
    const found = new Map<string, FinishedJob>();
    for (const id of new Set(refs)) {
      if (state.jobs.has(id) || state.finished.has(id)) continue;
      const job = await this.#store.job(id);
      if (job !== null && isFinished(job.state)) found.set(id, finishedPart(job));
    }
    if (runId !== null && !state.runs.get(runId)?.lastFinished) {
      const last = await this.#store.lastFinished(runId);
      if (last !== null) found.set(last.id, last);
    }
    return [...found.values()];
  }

  /** Payload of a job that is about to start, if it was submitted a moment ago: given once. */
  takePayload(jobId: string): string | undefined {
    return this.#payloads.take(jobId);
  }

  storedPayloads(jobIds: readonly string[]): Promise<Map<string, string>> {
    return this.#store.payloads(jobIds);
  }

  /** Commits what has gathered and lets every waiter go. The store is left open: who opened it closes it. */
  async close(): Promise<void> {
    await this.#writer.close();
    this.#jobWaiters.releaseAll();
    this.#runWaiters.releaseAll();
  }

  #release(group: Group): void {
    for (const effect of group.effects) this.#tell(() => this.#sink(effect));
    if (group.changes.length === 0) return;
    const jobs = group.jobs();
    const runs = new Set<string>();
    for (const job of jobs) {
      if (!isFinished(job.state)) continue;
      this.#jobWaiters.settle(job.id, job);
      if (job.runId !== null) runs.add(job.runId);
    }
    for (const runId of runs) this.#endRun(runId);
    for (const listener of this.#commitListeners) this.#tell(() => listener(jobs, group.changes));
  }

  #endRun(runId: string): void {
    // Memory may be a group ahead: what ends the run there is told with its own commit.
    const isOfRun = (change: Change) => change.table === "jobs" && change.row.runId === runId;
    if (unfinishedOf(this.state, runId) > 0 || this.#writer.uncommitted.some(isOfRun)) return;
    const counts = this.#tally.counts(this.state, runId);
    this.#tally.end(runId);
    if (counts === null) this.#runWaiters.release(runId);
    else this.#runWaiters.settle(runId, counts);
  }

  async #countRun(runId: string): Promise<RunCounts> {
    const writer = this.#writer;
    await writer.settled();
    const counted = writer.isAhead ? null : this.#tally.counts(writer.state, runId);
    if (counted !== null) return counted;
    const { revision } = writer;
    const stored = allStates(await this.#store.runCounts(runId));
    const unchanged = revision === writer.revision && !writer.commitUnderWay;
    if (unchanged && unfinishedOf(writer.state, runId) > 0)
      this.#tally.begin(runId, stored, writer.uncommitted);
    return stored;
  }

  #startOver(): void {
    this.#payloads.clear();
    this.#tally.clear();
    this.#jobWaiters.releaseAll();
    this.#runWaiters.releaseAll();
  }

  /** What is committed is told to everyone, even where one of them cannot take it. */
  #tell(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#log.error({ err: error }, "a listener of the engine failed");
    }
  }
}
