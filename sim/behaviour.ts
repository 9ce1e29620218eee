/** What a simulated job does; it travels as its command, so that payloads have to arrive. */
export interface Behaviour {
  readonly runMs: number;
  readonly stdout: number;
  readonly stderr: number;
  /** Exit codes of attempts 1, 2, …; the last counts for all after it. */
  readonly codes: readonly number[];
  /** Milliseconds until it is gone after the polite signal; null ignores it. */
  readonly yieldsAfterMs: number | null;
  /** Placing its files takes so long. */
  readonly prepareMs: number;
  readonly cannotStart: boolean;
}

export function commandOf(behaviour: Behaviour): string[] {
  return ["job", JSON.stringify(behaviour)];
}

export function behaviourOf(command: readonly string[]): Behaviour {
  return JSON.parse(command[1] ?? "") as Behaviour;
}

/** What it prints comes in so many pieces over its time. */
export const PIECES = 4;
