/** Signals as a promise: what runs long ends in its own order. */

export type StopSignal = "SIGINT" | "SIGTERM" | "SIGHUP" | "SIGPIPE";

export interface Signals {
  readonly first: Promise<StopSignal>;
  /** The impatient one: whatever can be cut short should be. */
  readonly second: Promise<StopSignal>;
  /** Gives the signals back to the process. */
  readonly release: () => void;
}

export const SIGNAL_NUMBERS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGPIPE: 13,
  SIGTERM: 15,
};

/** With `pipe`, a stdout whose reader has gone counts as a signal too. */
export function catchSignals({ pipe = false } = {}): Signals {
  const first = Promise.withResolvers<StopSignal>();
  const second = Promise.withResolvers<StopSignal>();
  let count = 0;
  const heard = (signal: NodeJS.Signals) => {
    count += 1;
    (count === 1 ? first : second).resolve(signal as StopSignal);
  };
  const names: readonly StopSignal[] = ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const name of names) process.on(name, heard);
  if (pipe) process.stdout.once("error", () => heard("SIGPIPE"));
  return {
    first: first.promise,
    second: second.promise,
    release: () => {
      for (const name of names) process.off(name, heard);
    },
  };
}
