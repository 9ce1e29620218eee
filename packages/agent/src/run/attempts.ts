/** All attempts of this node: feeds events into the rules of state.ts and does what they answer. */
import { type Cause, LOST_GRACE_MS, type LogBytes, type Report } from "@titan/core";
import type { LogStream, StartOrder, Wanted } from "@titan/protocol/link";
import type { Clock, Timer } from "../clock.ts";
import type { Log } from "../log.ts";
import type { LogShipper, LogSource } from "../stream/shipper.ts";
import type { Found, Watch, WatchFolder } from "../stream/watch.ts";
import { explainFailure, LaunchError } from "./argv.ts";
import { attemptKey } from "./attempt-key.ts";
import type { Folders, Leftover } from "./folders.ts";
import type { Launcher, LauncherEvent, LaunchOrder } from "./launcher.ts";
import {
  type AttemptEvent,
  type AttemptState,
  begin,
  type Instruction,
  lineBytes,
  reportOf,
  step,
} from "./state.ts";

export interface AttemptsParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly folders: Folders;
  readonly shipper: LogShipper;
  readonly source: (dir: string, lines: () => Uint8Array) => LogSource;
  readonly watch: WatchFolder;
  readonly launcher: () => Launcher;
  readonly prepare: (order: StartOrder) => LaunchOrder | Promise<LaunchOrder>;
  readonly tell: (report: Report) => void;
  /** How long an attempt goes on without a word from the master, where its order does not say less. */
  readonly lostAfterMs: number;
}

interface Entry {
  readonly key: string;
  state: AttemptState;
  /** The master does not want it: it ends and is forgotten without a word. */
  disowned: boolean;
  launch: LaunchOrder | null;
  titan: Uint8Array;
  watch: Watch | null;
  timeout: Timer | null;
  watchSoon: Timer | null;
  lost: Timer | null;
}

/**
 * A job that ends within this needs no watch: its output is read at its end. Watching costs about 0.1 ms of the
 * agent's time, which 800 short jobs a second would feel.
 */
const WATCH_AFTER_MS = 20;

export class Attempts {
  private readonly parts: AttemptsParts;
  private readonly entries = new Map<string, Entry>();
  private readonly quiet: (() => void)[] = [];
  /** When the master was last heard of, while it is away. */
  private awaySince: number | null = null;

  constructor(parts: AttemptsParts) {
    this.parts = parts;
  }

  /** What an earlier agent left behind, told to the master like our own. */
  adopt(leftovers: readonly Leftover[]): void {
    for (const { key, report, titan, stdoutBytes, stderrBytes } of leftovers) {
      const jobId = key.slice(0, key.lastIndexOf("."));
      const number = Number(key.slice(jobId.length + 1));
      const order = { jobId, number, timeoutMs: null, graceMs: 0, lostAfterMs: 0 };
      const message = "the agent of this node stopped while the job ran";
      const state: AttemptState = {
        order,
        phase: "exited",
        startedAt: report?.startedAt ?? null,
        exitedAt: report?.exitedAt ?? this.parts.clock.now(),
        ending: null,
        exit: report?.exit ?? {
          cause: "node-lost",
          code: null,
          signal: null,
          message,
          maxRssBytes: 0,
          cpuMs: 0,
        },
        logBytes: report?.logBytes ?? { stdout: stdoutBytes, stderr: stderrBytes, titan: titan.length },
        titanBytes: titan.length,
      };
      const entry = this.enter(key, state);
      entry.titan = titan;
      this.parts.shipper.finish(key, state.logBytes as LogBytes);
      if (report === null) this.parts.folders.saveReport(reportOf(state));
    }
  }

  /** A start order; one for an attempt that is here already only repeats what is known of it. */
  start(order: StartOrder): void {
    const key = attemptKey(order);
    const known = this.entries.get(key);
    if (known !== undefined) {
      this.report(known);
      return;
    }
    const [state, instructions] = begin(order);
    const entry = this.enter(key, state);
    this.perform(entry, instructions);
    try {
      const ready = this.parts.prepare(order);
      if (ready instanceof Promise)
        ready.then(
          (launch) => this.prepared(entry, launch),
          (error) => this.unprepared(entry, error),
        );
      else this.prepared(entry, ready);
    } catch (error) {
      this.unprepared(entry, error);
    }
  }

  stop(key: string, cause: Cause, graceMs: number): void {
    const entry = this.entries.get(key);
    if (entry !== undefined) this.feed(entry, { type: "stop", at: this.parts.clock.now(), cause, graceMs });
  }

  /** The end of the attempt is committed at the master. */
  forget(key: string): void {
    const entry = this.entries.get(key);
    if (entry === undefined) return;
    if (entry.state.phase !== "exited") {
      this.disown(entry);
      return;
    }
    this.entries.delete(key);
    this.parts.shipper.drop(key);
    const { stdout, stderr } = entry.state.logBytes ?? { stdout: 0, stderr: 0 };
    this.parts.folders.remove(key, stdout + stderr);
    if (this.entries.size === 0) this.tellQuiet();
  }

  acknowledged(key: string, stream: LogStream, offset: number): void {
    this.parts.shipper.acknowledged(key, stream, offset);
  }

  /** Every attempt still known, for `hello`. */
  reports(): Report[] {
    return [...this.entries.values()]
      .filter((entry) => !entry.disowned)
      .map((entry) => reportOf(entry.state));
  }

  /** The master is there and wants these; whatever else is here, it does not. */
  welcomed(wanted: readonly Wanted[]): void {
    this.awaySince = null;
    const held = new Map(wanted.map((each) => [attemptKey(each), each.logged]));
    for (const entry of [...this.entries.values()]) {
      entry.lost?.cancel();
      entry.lost = null;
      if (held.has(entry.key)) continue;
      if (entry.state.phase === "exited") this.forget(entry.key);
      else this.disown(entry);
    }
    this.parts.shipper.resume(held);
  }

  /** The master is gone; it was last heard of at `since`. */
  disconnected(since: number): void {
    this.awaySince = since;
    this.parts.shipper.disconnected();
    for (const entry of this.entries.values()) this.armLost(entry);
  }

  /** Ends everything that runs, each with its own grace. */
  endAll(cause: Cause): void {
    for (const entry of this.entries.values()) this.stop(entry.key, cause, entry.state.order.graceMs);
  }

  /** Resolves when no process is left. */
  async ended(): Promise<void> {
    while (this.live().length > 0) await new Promise<void>((resolve) => this.quiet.push(resolve));
  }

  /** Resolves when the master has committed the end of every attempt. */
  async forgotten(): Promise<void> {
    while (this.entries.size > 0) await new Promise<void>((resolve) => this.quiet.push(resolve));
  }

  heard(event: LauncherEvent): void {
    if (event.ev === "ready") return;
    const entry = this.entries.get(event.id);
    if (entry === undefined) return;
    if (event.ev === "started") this.feed(entry, { type: "started", at: event.at });
    else if (event.ev === "failed") {
      const { launch } = entry;
      const message = launch === null ? event.message : explainFailure(event, launch, launch.cwd);
      this.feed(entry, { type: "failed", at: this.parts.clock.now(), message });
    } else this.exited(entry, event);
  }

  /** The launcher died, and its jobs were killed. */
  launcherGone(): void {
    for (const entry of this.live()) {
      if (entry.state.phase === "preparing") continue;
      const sent = this.parts.shipper.sent(entry.key);
      const { stdout, stderr } = this.parts.folders.outputBytes(entry.key);
      const at = this.parts.clock.now();
      const stdoutBytes = Math.max(stdout, sent.stdout);
      this.feed(entry, {
        type: "launcher-gone",
        at,
        stdoutBytes,
        stderrBytes: Math.max(stderr, sent.stderr),
      });
    }
  }

  private live(): Entry[] {
    return [...this.entries.values()].filter((entry) => entry.state.phase !== "exited");
  }

  private enter(key: string, state: AttemptState): Entry {
    const none = { watch: null, timeout: null, watchSoon: null, lost: null };
    const entry: Entry = { key, state, disowned: false, launch: null, titan: new Uint8Array(), ...none };
    this.entries.set(key, entry);
    const source = this.parts.source(this.parts.folders.attempt(key), () => entry.titan);
    this.parts.shipper.track(key, { jobId: state.order.jobId, number: state.order.number }, source);
    if (this.awaySince !== null) this.armLost(entry);
    return entry;
  }

  private prepared(entry: Entry, launch: LaunchOrder): void {
    entry.launch = launch;
    this.feed(entry, { type: "prepared" });
    this.sweep(entry);
  }

  private unprepared(entry: Entry, error: unknown): void {
    if (!(error instanceof LaunchError))
      this.parts.log.error({ attempt: entry.key, error: String(error) }, "cannot prepare");
    const message = error instanceof Error ? error.message : String(error);
    this.feed(entry, { type: "failed", at: this.parts.clock.now(), message });
    this.sweep(entry);
  }

  /** Files were still being placed when the attempt was forgotten: what came after its removal goes too. */
  private sweep(entry: Entry): void {
    if (this.entries.get(entry.key) !== entry) this.parts.folders.remove(entry.key);
  }

  private exited(entry: Entry, event: LauncherEvent & { ev: "exited" }): void {
    const sent = this.parts.shipper.sent(entry.key);
    this.feed(entry, {
      type: "ended",
      at: event.at,
      code: event.code,
      signal: event.signal,
      maxRssBytes: event.max_rss,
      cpuMs: event.cpu_ms,
      stdoutBytes: Math.max(event.stdout, sent.stdout),
      stderrBytes: Math.max(event.stderr, sent.stderr),
    });
  }

  private feed(entry: Entry, event: AttemptEvent): void {
    const [state, instructions] = step(entry.state, event);
    entry.state = state;
    this.perform(entry, instructions);
  }

  /** `launch` is always the last of its list: a launcher may answer within the call. */
  private perform(entry: Entry, instructions: readonly Instruction[]): void {
    for (const each of instructions) {
      if (each.type === "report") this.report(entry);
      else if (each.type === "launch") this.parts.launcher().start(entry.launch as LaunchOrder);
      else if (each.type === "kill") this.parts.launcher().kill(entry.key, each.graceMs);
      else if (each.type === "note") this.note(entry, each.line);
      else entry.timeout = this.parts.clock.after(each.ms, () => this.timedOut(entry));
    }
  }

  private timedOut(entry: Entry): void {
    this.feed(entry, { type: "timed-out", at: this.parts.clock.now() });
  }

  private note(entry: Entry, line: string): void {
    const bytes = lineBytes(line);
    entry.titan = Buffer.concat([entry.titan, bytes]);
    this.parts.folders.note(entry.key, bytes);
    this.parts.shipper.touch(entry.key);
  }

  private report(entry: Entry): void {
    const { phase } = entry.state;
    if (phase === "exited") this.wrapUp(entry);
    else if (phase === "running" && entry.watchSoon === null && entry.watch === null) {
      entry.watchSoon = this.parts.clock.after(WATCH_AFTER_MS, () => this.watch(entry));
    }
    if (!entry.disowned) this.parts.tell(reportOf(entry.state));
  }

  /** The last of the log goes out before the report that names its length: one frame, one decision at the master. */
  private wrapUp(entry: Entry): void {
    for (const timer of [entry.timeout, entry.watchSoon, entry.lost]) timer?.cancel();
    entry.watch?.close();
    entry.watch = null;
    if (entry.disowned) {
      queueMicrotask(() => this.forget(entry.key));
      return;
    }
    this.parts.shipper.finish(entry.key, entry.state.logBytes as LogBytes);
    this.parts.folders.saveReport(reportOf(entry.state));
    this.tellQuiet();
  }

  private watch(entry: Entry): void {
    const look = (): Found => this.parts.shipper.touch(entry.key);
    entry.watch = this.parts.watch(this.parts.folders.attempt(entry.key), look);
  }

  private disown(entry: Entry): void {
    entry.disowned = true;
    this.stop(entry.key, "node-lost", entry.state.order.graceMs);
  }

  private armLost(entry: Entry): void {
    if (entry.state.phase === "exited" || entry.lost !== null || this.awaySince === null) return;
    const { clock } = this.parts;
    const lostAfterMs = Math.min(entry.state.order.lostAfterMs, this.parts.lostAfterMs);
    const rest = Math.max(0, this.awaySince + lostAfterMs - clock.now());
    const graceMs = Math.min(entry.state.order.graceMs, LOST_GRACE_MS);
    entry.lost = clock.after(rest, () => this.stop(entry.key, "node-lost", graceMs));
  }

  private tellQuiet(): void {
    for (const resolve of this.quiet.splice(0)) resolve();
  }
}
