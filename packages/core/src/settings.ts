/** What an operator may change of the rules. Durations in milliseconds. */
export interface Settings {
  /** How long a silent node keeps the attempts of jobs that Titan may run again. */
  readonly leaseMs: number;
  /** How long it keeps the others: long enough for a laptop to sleep without losing a training. */
  readonly lostAfterMs: number;
}

export const DEFAULT_SETTINGS: Settings = { leaseMs: 10_000, lostAfterMs: 900_000 };
