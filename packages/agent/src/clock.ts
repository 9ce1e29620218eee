/** The time, behind an interface so that a simulator can bring its own. Durations in milliseconds. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Runs `action` once after `ms`, not affected by steps of the wall clock. */
  after(ms: number, action: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}

/** Node's own timers fire at once for anything longer (24.8 days); a job may be allowed a year. */
const LONGEST_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, action) {
    let rest = ms;
    let handle: NodeJS.Timeout;
    const arm = (): void => {
      const step = Math.min(rest, LONGEST_MS);
      rest -= step;
      handle = setTimeout(() => (rest > 0 ? arm() : action()), step);
    };
    arm();
    return { cancel: () => clearTimeout(handle) };
  },
};
