import type { Clock, Timer } from "./clock.ts";

/** Longest delay that `setTimeout` takes; a later deadline is looked at again then. */
const TIMER_MAX_MS = 2 ** 31 - 1;

/** One timer for the earliest of all deadlines. */
export class DeadlineTimer {
  readonly #clock: Clock;
  readonly #due: () => void;
  #timer: Timer | null = null;
  #at: number | null = null;

  constructor(clock: Clock, due: () => void) {
    this.#clock = clock;
    this.#due = due;
  }

  /** Calls at `at` (milliseconds since the epoch) or soon after; null waits for nothing. */
  set(at: number | null): void {
    if (at === this.#at) return;
    this.stop();
    if (at === null) return;
    this.#at = at;
    // At least 1 ms: a deadline that stays due must not keep the event loop from everything else.
    const delay = Math.min(TIMER_MAX_MS, Math.max(1, at - this.#clock.now()));
    this.#timer = this.#clock.after(delay, () => {
      this.#at = null;
      this.#due();
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#at = null;
  }
}
