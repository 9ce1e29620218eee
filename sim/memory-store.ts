/** A store in memory behind the store's contract, many times quicker than a database. It outlives a simulated master. */
import type { Attempt, FinishedJob, Follow, Job, JobState, Node } from "@titan/core";
import type { Batch, JobFilter, Snapshot, Store, SubmissionRow } from "@titan/store";

export class MemoryStore implements Store {
  readonly #jobs = new Map<string, Job>();
  readonly #attempts = new Map<string, Map<number, Attempt>>();
  readonly #nodes = new Map<string, Node>();
  readonly #follows = new Map<string, Follow>();
  readonly #payloads = new Map<string, string>();
  readonly #submissions = new Map<string, SubmissionRow>();
  readonly #uploads = new Map<string, string>();

  async load(finishedLimit: number): Promise<Snapshot> {
    const all = [...this.#jobs.values()].sort((a, b) => a.seq - b.seq);
    const seqOf = (jobId: string) => this.#jobs.get(jobId)!.seq;
    const attempts = [...this.#attempts.values()].flatMap((rows) => [...rows.values()]);
    const key = ({ series, name, follower }: Follow) => JSON.stringify([series, name, follower]);
    return {
      jobs: all.filter((job) => job.finishedAt === null),
      attempts: attempts
        .filter((attempt) => attempt.endedAt === null)
        .sort((a, b) => seqOf(a.jobId) - seqOf(b.jobId) || a.number - b.number),
      nodes: [...this.#nodes.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
      follows: [...this.#follows.values()].sort((a, b) => (key(a) < key(b) ? -1 : 1)),
      finished: all
        .filter((job) => job.finishedAt !== null)
        .sort(finishedLast)
        .slice(0, finishedLimit)
        .map(finishedPart),
      lastSeq: all.at(-1)?.seq ?? 0,
    };
  }

  async commit(batch: Batch): Promise<void> {
    this.#check(batch);
    for (const change of batch.changes) {
      if (change.table === "jobs") this.#jobs.set(change.row.id, change.row);
      else if (change.table === "nodes") this.#nodes.set(change.row.id, change.row);
      else if (change.table === "attempts")
        this.#attemptsOf(change.row.jobId).set(change.row.number, change.row);
      else {
        const { series, name, follower } = change.row;
        this.#follows.set(JSON.stringify([series, name, follower]), change.row);
      }
    }
    for (const { jobId, payload } of batch.payloads) this.#payloads.set(jobId, payload);
    for (const row of batch.submissions) this.#submissions.set(row.key, row);
  }

  async job(id: string): Promise<Job | null> {
    return this.#jobs.get(id) ?? null;
  }

  async jobIds(prefix: string, limit: number): Promise<string[]> {
    const ids = [...this.#jobs.keys()].filter((id) => id.startsWith(prefix));
    return ids.sort().slice(0, limit);
  }

  async jobs({ states, runId, name, belowSeq, limit }: JobFilter): Promise<Job[]> {
    return [...this.#jobs.values()]
      .filter(
        (job) =>
          (states === undefined || states.includes(job.state)) &&
          (runId === undefined || job.runId === runId) &&
          (name === undefined || job.name === name) &&
          (belowSeq === undefined || job.seq < belowSeq),
      )
      .sort((a, b) => b.seq - a.seq)
      .slice(0, limit);
  }

  async attempts(jobId: string): Promise<Attempt[]> {
    return [...(this.#attempts.get(jobId)?.values() ?? [])].sort((a, b) => a.number - b.number);
  }

  async lastFinished(runId: string): Promise<FinishedJob | null> {
    const [last] = [...this.#jobs.values()]
      .filter((job) => job.runId === runId && job.finishedAt !== null && job.nodeId !== null)
      .sort(finishedLast);
    return last === undefined ? null : finishedPart(last);
  }

  async runCounts(runId: string): Promise<Partial<Record<JobState, number>>> {
    return count([...this.#jobs.values()].filter((job) => job.runId === runId));
  }

  async counts(): Promise<Partial<Record<JobState, number>>> {
    return count([...this.#jobs.values()]);
  }

  async payloads(jobIds: readonly string[]): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    for (const id of jobIds) {
      const payload = this.#payloads.get(id);
      if (payload !== undefined) found.set(id, payload);
    }
    return found;
  }

  async submission(key: string): Promise<SubmissionRow | null> {
    return this.#submissions.get(key) ?? null;
  }

  async putUpload(name: string, files: string): Promise<void> {
    this.#uploads.set(name, files);
  }

  async upload(name: string): Promise<string | null> {
    return this.#uploads.get(name) ?? null;
  }

  /** What was committed stays: a later `open` of the same place finds it. */
  async close(): Promise<void> {}

  /** Throws before anything is written. */
  #check(batch: Batch): void {
    const ids = new Set<string>();
    for (const change of batch.changes) {
      if (change.table !== "jobs") continue;
      const before = this.#jobs.get(change.row.id);
      if (before !== undefined && before.seq !== change.row.seq)
        throw new Error(`there is a job ${change.row.id} already`);
      ids.add(change.row.id);
    }
    const owned = [
      ...batch.payloads.map(({ jobId }) => jobId),
      ...batch.changes.flatMap((change) => (change.table === "attempts" ? [change.row.jobId] : [])),
    ];
    for (const id of owned) {
      if (!ids.has(id) && !this.#jobs.has(id)) throw new Error(`the store has no job ${id}`);
    }
  }

  #attemptsOf(jobId: string): Map<number, Attempt> {
    let rows = this.#attempts.get(jobId);
    if (rows === undefined) {
      rows = new Map();
      this.#attempts.set(jobId, rows);
    }
    return rows;
  }
}

function finishedLast(a: Job, b: Job): number {
  return b.finishedAt! - a.finishedAt! || b.seq - a.seq;
}

function finishedPart(job: Job): FinishedJob {
  const { id, seq, name, runId, state, nodeId, finishedAt, exit } = job;
  return { id, seq, name, runId, state, nodeId, finishedAt, exit };
}

function count(jobs: readonly Job[]): Partial<Record<JobState, number>> {
  const counts: Partial<Record<JobState, number>> = {};
  for (const { state } of jobs) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}
