/**
 * Virtual time: one queue of everything that will happen, in order of (time, order of asking). Between two events every
 * promise and `nextTick` that the first has set off runs to its end, so that the order never depends on the machine.
 */

interface Event {
  at: number;
  order: number;
  action: (() => void) | null;
}

export interface VirtualTimer {
  cancel(): void;
  refresh(): void;
}

/** Some day in 2026; what counts is that it is not 0, which hides a missing time. */
const START = 1_780_000_000_000;

export class Time {
  #now = START;
  #order = 0;
  readonly #heap: Event[] = [];
  steps = 0;

  get now(): number {
    return this.#now;
  }

  /** Milliseconds since the simulation began. */
  get elapsed(): number {
    return this.#now - START;
  }

  at(time: number, action: () => void): Event {
    // Whole milliseconds, as the clocks of the real processes give.
    const event = { at: Math.max(Math.ceil(time), this.#now), order: this.#order++, action };
    this.#push(event);
    return event;
  }

  after(ms: number, action: () => void): Event {
    return this.at(this.#now + ms, action);
  }

  /** Runs until `isOver` or until `until` (elapsed milliseconds). Throws what an event throws. */
  async run(until: number, isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const event = this.#heap[0];
      if (event === undefined || event.at > START + until) return;
      this.#pop();
      if (event.action === null) continue;
      this.#now = event.at;
      this.steps += 1;
      const { action } = event;
      event.action = null;
      action();
      await settled();
    }
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.length;
    while (at > 0) {
      const up = (at - 1) >> 1;
      if (!isBefore(event, heap[up]!)) break;
      heap[at] = heap[up]!;
      at = up;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** A promise that sets off a tick that sets off a promise is the longest chain that there is between two events. */
const ROUNDS = 3;

/**
 * Each round runs all ticks and then all promises to their end. An immediate would wait for both without counting, but it
 * costs a turn of the event loop with its system call: 40 % of the time of a simulation.
 */
function settled(): Promise<void> {
  return new Promise((resolve) => round(ROUNDS, resolve));
}

function round(left: number, done: () => void): void {
  if (left === 0) done();
  else queueMicrotask(() => process.nextTick(round, left - 1, done));
}

/** The clock of one process: with the process, everything that it was going to do is gone. */
export class ProcessClock {
  readonly #time: Time;
  alive = true;

  constructor(time: Time) {
    this.#time = time;
  }

  readonly now = (): number => this.#time.now;

  after(ms: number, action: () => void): VirtualTimer {
    const run = (): void => {
      if (this.alive) action();
    };
    let event = this.#time.after(ms, run);
    return {
      cancel: () => {
        event.action = null;
      },
      refresh: () => {
        event.action = null;
        event = this.#time.after(ms, run);
      },
    };
  }

  soon(action: () => void): void {
    this.after(0, action);
  }
}
