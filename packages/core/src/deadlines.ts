interface Entry {
  readonly id: string;
  at: number;
  index: number;
}

/**
 * At most one deadline per job, the earliest at hand. A heap that knows where each entry is, so that a deadline that
 * no longer holds is taken out: one left inside would wake the engine for ever, as `decide` may not clean up.
 */
export class Deadlines {
  readonly #heap: Entry[] = [];
  readonly #byId = new Map<string, Entry>();

  get size(): number {
    return this.#heap.length;
  }

  min(): number | null {
    return this.#heap[0]?.at ?? null;
  }

  get(id: string): number | null {
    return this.#byId.get(id)?.at ?? null;
  }

  set(id: string, at: number): void {
    const known = this.#byId.get(id);
    if (known === undefined) {
      const entry = { id, at, index: this.#heap.length };
      this.#byId.set(id, entry);
      this.#heap.push(entry);
      this.#settle(entry);
    } else if (known.at !== at) {
      known.at = at;
      this.#settle(known);
    }
  }

  delete(id: string): void {
    const entry = this.#byId.get(id);
    if (entry === undefined) return;
    this.#byId.delete(id);
    const last = this.#heap.pop()!;
    if (last === entry) return;
    last.index = entry.index;
    this.#heap[last.index] = last;
    this.#settle(last);
  }

  /** Ids whose deadline is at or before `now`, earliest first. Looks only at those and their neighbours in the heap. */
  due(now: number): string[] {
    const found: Entry[] = [];
    const open = [0];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      const entry = this.#heap[at];
      if (entry === undefined || entry.at > now) continue;
      found.push(entry);
      open.push(2 * at + 1, 2 * at + 2);
    }
    return found.sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1)).map((entry) => entry.id);
  }

  #settle(entry: Entry): void {
    const heap = this.#heap;
    let at = entry.index;
    while (at > 0) {
      const parent = heap[(at - 1) >> 1]!;
      if (parent.at <= entry.at) break;
      heap[at] = parent;
      const above = parent.index;
      parent.index = at;
      at = above;
    }
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.at < heap[child]!.at) child += 1;
      const below = heap[child]!;
      if (below.at >= entry.at) break;
      heap[at] = below;
      below.index = at;
      at = child;
    }
    heap[at] = entry;
    entry.index = at;
  }
}
