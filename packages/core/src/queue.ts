import type { Requirement } from "./model.ts";

/**
 * Jobs that are alike in everything that placement looks at. Once the first of them finds no place, none does: that is
 * why 20,000 equal waiting jobs cost a placement no more than one.
 */
export interface Shape {
  readonly key: string;
  readonly priority: number;
  readonly requirement: Requirement;
  /** What the jobs that will follow on the same node need beyond this requirement, nearest first. */
  readonly followers: readonly Requirement[];
  readonly jobs: SeqList;
}

/**
 * Job ids in order of submission. Jobs come in that order and leave from the front, so a plain array with a moving
 * front is quickest; a retry or a cancel in the middle moves memory, some microseconds at 20,000 jobs.
 */
export class SeqList {
  #seqs: number[] = [];
  #ids: string[] = [];
  #front = 0;

  get size(): number {
    return this.#seqs.length - this.#front;
  }

  /** The id at a place counted from the front. */
  at(place: number): string | undefined {
    return this.#ids[this.#front + place];
  }

  seqAt(place: number): number | undefined {
    return this.#seqs[this.#front + place];
  }

  add(seq: number, id: string): void {
    const last = this.#seqs.length - 1;
    if (this.size === 0 || this.#seqs[last]! < seq) {
      this.#seqs.push(seq);
      this.#ids.push(id);
      return;
    }
    const at = this.#lowerBound(seq);
    if (this.#seqs[at] === seq) return;
    this.#seqs.splice(at, 0, seq);
    this.#ids.splice(at, 0, id);
  }

  remove(seq: number): void {
    const at = this.#lowerBound(seq);
    if (this.#seqs[at] !== seq) return;
    if (at !== this.#front) {
      this.#seqs.splice(at, 1);
      this.#ids.splice(at, 1);
      return;
    }
    this.#ids[at] = "";
    this.#front += 1;
    if (this.#front < 1_024 || this.#front * 2 < this.#seqs.length) return;
    this.#seqs = this.#seqs.slice(this.#front);
    this.#ids = this.#ids.slice(this.#front);
    this.#front = 0;
  }

  /** How many come before this one. */
  countBelow(seq: number): number {
    return this.#lowerBound(seq) - this.#front;
  }

  ids(): string[] {
    return this.#ids.slice(this.#front);
  }

  #lowerBound(seq: number): number {
    let low = this.#front;
    let high = this.#seqs.length;
    if (this.#seqs[low] === seq) return low;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#seqs[middle]! < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
