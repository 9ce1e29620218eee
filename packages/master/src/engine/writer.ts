/**
 * Memory and store in step: what anybody asks is decided by the core and taken into memory at once; what gathers in one
 * turn of the event loop is placed and committed as one group, and only then released. One commit costs about as much
 * as 50 rows, so groups are what makes the store fast.
 */
import {
  apply,
  type Change,
  type Command,
  decide,
  type Effect,
  type FinishedJob,
  fromSnapshot,
  type Job,
  nextDeadline,
  type Rejection,
  remember,
  type State,
} from "@titan/core";
import { TitanError } from "@titan/protocol";
import type { PayloadRow, Store, SubmissionRow } from "@titan/store";
import type { Logger } from "pino";
import type { Clock } from "./clock.ts";
import { DeadlineTimer } from "./deadline-timer.ts";
import { Group } from "./group.ts";
import type { EngineSettings } from "./settings.ts";

export interface EngineOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly settings: EngineSettings;
  readonly log: Pick<Logger, "error" | "warn" | "info">;
}

/** What goes into the store along with a command's changes. */
export interface Extra {
  readonly payloads?: readonly PayloadRow[];
  readonly submission?: SubmissionRow;
}

/** What the writer tells whoever built it. None of these may throw. */
export interface WriterEvents {
  /** Memory is about to take these. */
  applying(changes: readonly Change[]): void;
  /** The group is durable. */
  committed(group: Group): void;
  /** Memory is void from now on; */
  reset(): void;
  /** and here is what the store has. */
  loaded(): void;
}

const RELOAD_RETRY_MS = 500;

export class Writer {
  readonly #options: EngineOptions;
  readonly #events: WriterEvents;
  readonly #deadline: DeadlineTimer;
  #state!: State;
  #group = new Group();
  #scheduled = false;
  /** The whole of a flush, and the part of it in which it is not known yet whether its group is stored. */
  #committing: Promise<void> | null = null;
  #inDoubt = false;
  #reloading: Promise<void> | null = null;
  /** No more than what is under way: a store that does not answer is not asked again. */
  #stopping = false;
  #closed = false;
  #revision = 0;

  constructor(options: EngineOptions, events: WriterEvents) {
    this.#options = options;
    this.#events = events;
    this.#deadline = new DeadlineTimer(options.clock, () => this.offer({ type: "tick" }));
  }

  get state(): State {
    return this.#state;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Counts groups: the store is the same at two moments with the same revision, unless a commit is under way. */
  get revision(): number {
    return this.#revision;
  }

  get commitUnderWay(): boolean {
    return this.#inDoubt;
  }

  /** What memory has and the store has not been asked to keep yet. */
  get uncommitted(): readonly Change[] {
    return this.#group.changes;
  }

  /** Whether memory has something that the store may not have. */
  get isAhead(): boolean {
    return this.#group.changes.length > 0 || this.#inDoubt;
  }

  /** See `Engine.execute`. */
  async execute(command: Command, extra?: Extra): Promise<void> {
    while (this.#reloading !== null) await this.#reloading;
    const rejected = this.#take(command, extra);
    if (rejected !== null) throw rejectionError(rejected);
    await this.#group.committed();
  }

  /** See `Engine.offer`. */
  offer(command: Command): Rejection | null {
    if (this.#reloading !== null || this.#closed) return null;
    try {
      return this.#take(command);
    } catch {
      return null; // Logged, and memory is being loaded anew.
    }
  }

  /** Until what memory has now is what the store has. */
  async settled(): Promise<void> {
    while (this.#reloading !== null) await this.#reloading;
    if (!this.#group.touched) return this.#committing ?? undefined;
    await this.#group.committed().catch(() => this.#reloading);
  }

  async close(): Promise<void> {
    this.#stopping = true;
    await this.settled();
    this.#closed = true;
    this.#deadline.stop();
  }

  /** Memory as the store has it. Every node counts as silent from now on, until it says hello. */
  async load(): Promise<void> {
    const { store, settings, clock } = this.#options;
    const snapshot = await store.load(settings.finishedMax);
    const state = fromSnapshot(snapshot, settings.finishedMax);
    // What unfinished jobs follow may have ended long before the newest that are kept at hand.
    for (const id of state.followers.keys()) {
      if (state.jobs.has(id) || state.finished.has(id)) continue;
      const job = await store.job(id);
      if (job !== null) remember(state, [finishedPart(job)]);
    }
    this.#state = state;
    this.#group = new Group();
    this.#events.loaded();
    const silent = decide(state, { type: "loaded" }, clock.now(), settings);
    this.#keep(silent.changes, silent.effects);
    this.#touch();
  }

  #take(command: Command, extra?: Extra): Rejection | null {
    if (this.#closed) throw new TitanError("commit-unknown", "The master is stopping");
    const { clock, settings } = this.#options;
    try {
      if (command.type === "submit") remember(this.#state, command.known);
      const { changes, effects, rejected } = decide(this.#state, command, clock.now(), settings);
      if (rejected !== undefined) return rejected;
      this.#keep(changes, effects);
    } catch (error) {
      this.#fail(this.#group, error);
      throw new TitanError("internal", "The master failed to decide; its memory is loaded anew", {
        cause: error,
      });
    }
    for (const row of extra?.payloads ?? []) this.#group.payloads.push(row);
    if (extra?.submission !== undefined) this.#group.submissions.push(extra.submission);
    this.#touch();
    return null;
  }

  #keep(changes: readonly Change[], effects: readonly Effect[]): void {
    if (changes.length > 0) {
      this.#events.applying(changes);
      apply(this.#state, changes);
    }
    this.#group.add(changes, effects);
  }

  #touch(): void {
    this.#group.touched = true;
    if (this.#scheduled || this.#committing !== null || this.#closed) return;
    this.#scheduled = true;
    this.#options.clock.soon(() => {
      this.#scheduled = false;
      if (this.#committing !== null || this.#reloading !== null || !this.#group.touched) return;
      this.#committing = this.#flush().finally(() => {
        this.#committing = null;
        if (this.#group.touched) this.#touch();
      });
    });
  }

  async #flush(): Promise<void> {
    const { store, clock, settings } = this.#options;
    const group = this.#group;
    try {
      const placed = decide(this.#state, { type: "place" }, clock.now(), settings);
      this.#keep(placed.changes, placed.effects);
      this.#group = new Group();
      this.#inDoubt = true;
      if (!group.storesNothing) await store.commit(group);
    } catch (error) {
      this.#fail(group, error);
      return;
    } finally {
      this.#inDoubt = false;
    }
    this.#revision += 1;
    this.#events.committed(group);
    for (const reply of group.replies) reply.resolve();
    this.#deadline.set(nextDeadline(this.#state, settings));
  }

  /** Nobody knows what the store has: everything that was not answered is answered so, and memory starts over. */
  #fail(group: Group, error: unknown): void {
    if (this.#reloading !== null) return;
    this.#options.log.error({ err: error }, "commit failed or memory is in doubt: loading it anew");
    const unknown = new TitanError("commit-unknown", "The store did not confirm the change", {
      cause: error,
    });
    const refused = group === this.#group ? [group] : [group, this.#group];
    this.#group = new Group();
    this.#deadline.stop();
    this.#reloading = this.#reload().finally(() => {
      this.#reloading = null;
    });
    for (const { replies } of refused) for (const reply of replies) reply.reject(unknown);
    this.#events.reset();
  }

  async #reload(): Promise<void> {
    // A group that is on its way belongs to what is loaded.
    await this.#committing;
    for (;;) {
      try {
        await this.load();
        return;
      } catch (error) {
        if (this.#stopping) return;
        this.#options.log.error({ err: error }, "cannot load the state from the store; trying again");
        await new Promise<void>((resolve) => this.#options.clock.after(RELOAD_RETRY_MS, resolve));
      }
    }
  }
}

/** What is kept at hand of a finished job. */
export function finishedPart(job: Job): FinishedJob {
  const { id, seq, name, runId, state, nodeId, finishedAt, exit } = job;
  return { id, seq, name, runId, state, nodeId, finishedAt, exit };
}

function rejectionError({ code, message, hint, field }: Rejection): TitanError {
  return new TitanError(code, message, field === null ? { hint } : { hint, field });
}
