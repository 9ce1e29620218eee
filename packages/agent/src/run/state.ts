/**
 * The rules of one attempt on its node, pure: `step(state, event)` answers the next state and what is to be done.
 * Whoever calls it has the clock, the launcher and the files; nothing here has.
 */
import type { Cause, Exit, LogBytes, Report } from "@titan/core";
import type { StartOrder } from "@titan/protocol/link";

/** preparing (files) → launching (told to the launcher) → running → exited. */
export type Phase = "preparing" | "launching" | "running" | "exited";

export interface AttemptState {
  readonly order: Pick<StartOrder, "jobId" | "number" | "timeoutMs" | "graceMs" | "lostAfterMs">;
  readonly phase: Phase;
  readonly startedAt: number | null;
  readonly exitedAt: number | null;
  /** Why Titan is ending it, once it is; the first reason stays. */
  readonly ending: Cause | null;
  readonly exit: Exit | null;
  readonly logBytes: LogBytes | null;
  /** Bytes of Titan's own lines so far. */
  readonly titanBytes: number;
}

export interface Outcome {
  readonly at: number;
  readonly code: number | null;
  readonly signal: string | null;
  readonly maxRssBytes: number;
  readonly cpuMs: number;
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
}

export type AttemptEvent =
  | { readonly type: "prepared" }
  /** It could not be prepared or launched. */
  | { readonly type: "failed"; readonly at: number; readonly message: string }
  | { readonly type: "started"; readonly at: number }
  | ({ readonly type: "ended" } & Outcome)
  | { readonly type: "stop"; readonly at: number; readonly cause: Cause; readonly graceMs: number }
  | { readonly type: "timed-out"; readonly at: number }
  /** The launcher died; its jobs have been killed. */
  | {
      readonly type: "launcher-gone";
      readonly at: number;
      readonly stdoutBytes: number;
      readonly stderrBytes: number;
    };

export type Instruction =
  | { readonly type: "launch" }
  | { readonly type: "kill"; readonly graceMs: number }
  | { readonly type: "arm-timeout"; readonly ms: number }
  /** A line for the `titan` stream of the attempt's log; its bytes are counted already. */
  | { readonly type: "note"; readonly line: string }
  /** Keep and report the state as it is now. */
  | { readonly type: "report" };

export type Step = readonly [AttemptState, readonly Instruction[]];

/** An attempt just ordered; its order's notes are the first lines of its log. */
export function begin(order: StartOrder): Step {
  const state: AttemptState = {
    order: {
      jobId: order.jobId,
      number: order.number,
      timeoutMs: order.timeoutMs,
      graceMs: order.graceMs,
      lostAfterMs: order.lostAfterMs,
    },
    phase: "preparing",
    startedAt: null,
    exitedAt: null,
    ending: null,
    exit: null,
    logBytes: null,
    titanBytes: 0,
  };
  return withNotes(state, order.notes, []);
}

/** The next state. Events that the phase has no use for (late, repeated) change nothing. */
export function step(state: AttemptState, event: AttemptEvent): Step {
  if (state.phase === "exited") return [state, []];
  switch (event.type) {
    case "prepared":
      return state.phase === "preparing"
        ? [{ ...state, phase: "launching" }, [{ type: "launch" }]]
        : [state, []];
    case "started":
      return started(state, event.at);
    case "failed":
      return failed(state, event.at, event.message);
    case "ended":
      return ended(state, event);
    case "stop":
      return stop(state, event.at, event.cause, event.graceMs);
    case "timed-out":
      return timedOut(state);
    case "launcher-gone": {
      const message = "the launcher of this node died, and its jobs with it";
      const cause = state.ending ?? "node-lost";
      return finish(state, { ...event, ...NOTHING }, cause, message, [message]);
    }
  }
}

/** What the master is told: always the whole present state. */
export function reportOf(state: AttemptState): Report {
  const { jobId, number } = state.order;
  const word = state.phase === "running" || state.phase === "exited" ? state.phase : "starting";
  const { startedAt, exitedAt, exit, logBytes } = state;
  return { jobId, number, state: word, startedAt, exitedAt, exit, logBytes };
}

export function lineBytes(line: string): Uint8Array {
  return new TextEncoder().encode(`${line}\n`);
}

const NOTHING = { code: null, signal: null, maxRssBytes: 0, cpuMs: 0 } as const;

function started(state: AttemptState, at: number): Step {
  if (state.phase !== "launching") return [state, []];
  const { timeoutMs } = state.order;
  const instructions: Instruction[] = [{ type: "report" }];
  if (timeoutMs !== null) instructions.push({ type: "arm-timeout", ms: timeoutMs });
  return [{ ...state, phase: "running", startedAt: at }, instructions];
}

function failed(state: AttemptState, at: number, message: string): Step {
  const outcome = { at, ...NOTHING, stdoutBytes: 0, stderrBytes: 0 };
  if (state.ending !== null) return finish(state, outcome, state.ending, "", []);
  return finish(state, outcome, "launch-failed", message, [`not started: ${message}`]);
}

function ended(state: AttemptState, outcome: Outcome): Step {
  if (state.ending === "timeout") {
    return finish(
      state,
      outcome,
      "timeout",
      `ran longer than its timeout of ${duration(state.order.timeoutMs ?? 0)}`,
      [],
    );
  }
  if (state.ending !== null) return finish(state, outcome, state.ending, "", []);
  return finish(state, outcome, outcome.signal === null ? "exit" : "signal", "", []);
}

function stop(state: AttemptState, at: number, cause: Cause, graceMs: number): Step {
  if (state.phase === "preparing") {
    const outcome = { at, ...NOTHING, stdoutBytes: 0, stderrBytes: 0 };
    return finish(state, outcome, cause, "", [`not started: ${WORDS[cause] ?? cause}`]);
  }
  const next = { ...state, ending: state.ending ?? cause };
  const kill: Instruction = { type: "kill", graceMs };
  // Once is enough for the log; a repeated order may still shorten the grace.
  if (state.ending !== null) return [next, [kill]];
  return withNotes(next, [`ending it: ${WORDS[cause] ?? cause}`], [kill]);
}

function timedOut(state: AttemptState): Step {
  if (state.phase !== "running" || state.ending !== null) return [state, []];
  const kill: Instruction = { type: "kill", graceMs: state.order.graceMs };
  const note = `killed after its timeout of ${duration(state.order.timeoutMs ?? 0)}`;
  return withNotes({ ...state, ending: "timeout" }, [note], [kill]);
}

/** Words of the log for the ends that Titan itself brings about. */
const WORDS: Partial<Record<Cause, string>> = {
  cancelled: "cancelled",
  "owner-gone": "the process that it belonged to is gone",
  "node-lost": "this node gives up the job",
};

function finish(
  state: AttemptState,
  outcome: Outcome,
  cause: Cause,
  message: string,
  notes: readonly string[],
): Step {
  const { code, signal, maxRssBytes, cpuMs } = outcome;
  const [noted, instructions] = withNotes(state, notes, [{ type: "report" }]);
  const logBytes = { stdout: outcome.stdoutBytes, stderr: outcome.stderrBytes, titan: noted.titanBytes };
  const exit = { cause, code, signal, message, maxRssBytes, cpuMs };
  return [{ ...noted, phase: "exited", exitedAt: outcome.at, exit, logBytes }, instructions];
}

function withNotes(state: AttemptState, lines: readonly string[], rest: readonly Instruction[]): Step {
  const bytes = lines.reduce((sum, line) => sum + lineBytes(line).length, 0);
  const notes = lines.map((line): Instruction => ({ type: "note", line }));
  return [bytes === 0 ? state : { ...state, titanBytes: state.titanBytes + bytes }, [...notes, ...rest]];
}

function duration(ms: number): string {
  return ms % 1000 === 0 || ms >= 10_000 ? `${Math.round(ms / 1000)} s` : `${ms / 1000} s`;
}
