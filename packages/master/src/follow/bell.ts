/** Wakes one waiter, and remembers a ring that nobody waited for: whoever looks first and waits then, misses nothing. */
export class Bell {
  #rung = false;
  #wake: (() => void) | null = null;

  readonly ring = (): void => {
    this.#rung = true;
    this.#wake?.();
  };

  /** Resolves at the next ring, at once where there was one since the last time, or when `signal` aborts. */
  async wait(signal: AbortSignal): Promise<void> {
    if (!this.#rung && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const wake = () => resolve();
      this.#wake = wake;
      signal.addEventListener("abort", wake);
      await promise;
      // A log that is followed for days waits often: each wait must leave nothing on the signal.
      signal.removeEventListener("abort", wake);
      this.#wake = null;
    }
    this.#rung = false;
  }
}
