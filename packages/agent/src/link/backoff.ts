/** Waits between tries to reach the master: doubling, with jitter so that a thousand nodes do not come at once. */
export const FIRST_MS = 50;
export const LONGEST_MS = 2_000;

/** Milliseconds before try number `failures` + 1; `random` in [0, 1). Between half and all of the full wait. */
export function backoffMs(failures: number, random: number): number {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures, 16));
  return full * (0.5 + random / 2);
}
