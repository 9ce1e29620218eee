/**
 * The time of the master, behind an interface so that a simulator can bring its own. `now` is in milliseconds since the
 * epoch and never goes back while the process lives: an operator may set the wall clock.
 */
export interface Clock {
  now(): number;
  /** Runs `action` once after `ms`. Does not keep the process alive. */
  after(ms: number, action: () => void): Timer;
  /** Runs `action` when this turn of the event loop is through, behind what lies in the sockets now. */
  soon(action: () => void): void;
}

export interface Timer {
  cancel(): void;
  /** Begins the wait anew, also where it was over. */
  refresh(): void;
}

export const systemClock: Clock = {
  now: () => Math.round(performance.timeOrigin + performance.now()),
  after(ms, action) {
    const handle = setTimeout(action, ms);
    handle.unref();
    return { cancel: () => clearTimeout(handle), refresh: () => void handle.refresh() };
  },
  soon: (action) => void setImmediate(action),
};
