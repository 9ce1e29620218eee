/** Those who wait for something with a name, each until it is settled, its time is over, or it has gone away. */
export class Waiters<T> {
  readonly #byKey = new Map<string, Set<(value: T | undefined) => void>>();

  get size(): number {
    return this.#byKey.size;
  }

  /** Resolves with what `settle` gives, or with undefined after `waitMs` or when `signal` aborts. */
  wait(key: string, waitMs: number, signal?: AbortSignal): Promise<T | undefined> {
    if (waitMs <= 0 || signal?.aborted === true) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      let waiting = this.#byKey.get(key);
      if (waiting === undefined) {
        waiting = new Set();
        this.#byKey.set(key, waiting);
      }
      const mine = waiting;
      const done = (value: T | undefined) => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", giveUp);
        mine.delete(done);
        if (mine.size === 0 && this.#byKey.get(key) === mine) this.#byKey.delete(key);
        resolve(value);
      };
      const giveUp = () => done(undefined);
      const timer = setTimeout(giveUp, waitMs);
      timer.unref();
      signal?.addEventListener("abort", giveUp);
      mine.add(done);
    });
  }

  settle(key: string, value: T): void {
    for (const done of [...(this.#byKey.get(key) ?? [])]) done(value);
  }

  /** Lets those who wait for `key` go without a value: they look for themselves. */
  release(key: string): void {
    for (const done of [...(this.#byKey.get(key) ?? [])]) done(undefined);
  }

  /** Lets everybody go without a value: they look for themselves. */
  releaseAll(): void {
    for (const key of [...this.#byKey.keys()]) this.release(key);
  }
}
