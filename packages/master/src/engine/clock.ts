/** Milliseconds since the epoch that never go back while the process lives: an operator may set the wall clock. */
export interface Clock {
  now(): number;
}

export const systemClock: Clock = {
  now: () => Math.round(performance.timeOrigin + performance.now()),
};
