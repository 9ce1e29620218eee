/** Payloads of jobs that were submitted a moment ago, so that most start orders need no read of the store. */
export class PayloadCache {
  readonly #byJob = new Map<string, string>();
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** The oldest go first: what lies here for long belongs to jobs that wait for something rare. */
  put(jobId: string, payload: string): void {
    this.#byJob.set(jobId, payload);
    this.#bytes += payload.length;
    for (const oldest of this.#byJob.keys()) {
      if (this.#bytes <= this.#bytesMax) break;
      this.take(oldest);
    }
  }

  /** A job is started once, nearly always: what is taken is not kept. */
  take(jobId: string): string | undefined {
    const payload = this.#byJob.get(jobId);
    if (payload === undefined) return undefined;
    this.#byJob.delete(jobId);
    this.#bytes -= payload.length;
    return payload;
  }

  clear(): void {
    this.#byJob.clear();
    this.#bytes = 0;
  }
}
