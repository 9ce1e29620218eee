/** The statements that a commit runs, prepared once. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Attempt, Job } from "@titan/core";
import { latestOf } from "../latest.ts";
import { devicesText, jsonOrNull, specText } from "../rows.ts";
import type { Batch } from "../store.ts";

const JOB_UPSERT = `INSERT INTO jobs
  (state, attempt, ready_at, not_before, node_id, devices, started_at, finished_at, cancel, exit, note, seq, id, name,
  run_id, spec) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)
  ON CONFLICT (seq) DO UPDATE SET state = excluded.state, attempt = excluded.attempt, ready_at = excluded.ready_at,
  not_before = excluded.not_before, node_id = excluded.node_id, devices = excluded.devices,
  started_at = excluded.started_at, finished_at = excluded.finished_at, cancel = excluded.cancel, exit = excluded.exit,
  note = excluded.note`;

const ATTEMPT_UPSERT = `INSERT INTO attempts
  (job_seq, number, node_id, devices, state, placed_at, started_at, exited_at, ended_at, exit, log_bytes)
  VALUES (?,?,?,?,?,?,?,?,?,?,?)
  ON CONFLICT DO UPDATE SET node_id = excluded.node_id, devices = excluded.devices, state = excluded.state,
  placed_at = excluded.placed_at, started_at = excluded.started_at, exited_at = excluded.exited_at,
  ended_at = excluded.ended_at, exit = excluded.exit, log_bytes = excluded.log_bytes`;

export class Writes {
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #rollback: StatementSync;
  readonly #upsertJob: StatementSync;
  readonly #updateJob: StatementSync;
  readonly #upsertAttempt: StatementSync;
  readonly #putPayload: StatementSync;
  readonly #putNode: StatementSync;
  readonly #putFollow: StatementSync;
  readonly #putSubmission: StatementSync;
  readonly #seqOf: StatementSync;

  constructor(db: DatabaseSync) {
    this.#begin = db.prepare("BEGIN IMMEDIATE");
    this.#commit = db.prepare("COMMIT");
    this.#rollback = db.prepare("ROLLBACK");
    this.#upsertJob = db.prepare(JOB_UPSERT);
    this.#updateJob = db.prepare(
      `UPDATE jobs SET state=?, attempt=?, ready_at=?, not_before=?, node_id=?, devices=?, started_at=?, finished_at=?,
       cancel=?, exit=?, note=? WHERE seq=?`,
    );
    this.#upsertAttempt = db.prepare(ATTEMPT_UPSERT);
    this.#putPayload = db.prepare("INSERT OR REPLACE INTO payloads (job_seq, payload) VALUES (?,?)");
    this.#putNode = db.prepare("INSERT OR REPLACE INTO nodes (id, row) VALUES (?,?)");
    this.#putFollow = db.prepare(
      "INSERT OR REPLACE INTO follows (series, name, follower, requirement) VALUES (?,?,?,?)",
    );
    this.#putSubmission = db.prepare(
      "INSERT OR REPLACE INTO submissions (key, body_sha256, answer, at) VALUES (?,?,?,?)",
    );
    this.#seqOf = db.prepare("SELECT seq FROM jobs WHERE id = ?");
  }

  /** One transaction, durable when this returns. Throws the database's error after taking everything back. */
  write(batch: Batch): void {
    this.#begin.run();
    try {
      this.#rows(batch);
      this.#commit.run();
    } catch (error) {
      try {
        this.#rollback.run();
      } catch {
        // A failed COMMIT may have ended the transaction by itself; the first error is the one that tells.
      }
      throw error;
    }
  }

  #rows(batch: Batch): void {
    const { jobs, attempts, nodes, follows, payloads, submissions } = latestOf(batch);
    for (const job of jobs.values()) this.#putJob(job);
    const seqOf = (id: string): number => jobs.get(id)?.seq ?? this.#seqInStore(id);
    for (const attempt of attempts.values()) this.#putAttempt(seqOf(attempt.jobId), attempt);
    for (const { jobId, payload } of payloads.values()) this.#putPayload.run(seqOf(jobId), payload);
    for (const node of nodes.values()) this.#putNode.run(node.id, JSON.stringify(node));
    for (const { series, name, follower, requirement } of follows.values()) {
      this.#putFollow.run(series, name, follower, JSON.stringify(requirement));
    }
    for (const { key, bodySha256, answer, at } of submissions.values()) {
      this.#putSubmission.run(key, bodySha256, answer, at);
    }
  }

  #putJob(job: Job): void {
    const devices = devicesText(job.devices);
    const exit = jsonOrNull(job.exit);
    // A job that was never placed is mostly new; any other is mostly there already, and then an update of the 11 columns
    // that change spares the text of its specification.
    if ((job.attempt > 0 || job.state !== "waiting") && this.#update(job, devices, exit)) return;
    this.#upsertJob.run(
      job.state,
      job.attempt,
      job.readyAt,
      job.notBefore,
      job.nodeId,
      devices,
      job.startedAt,
      job.finishedAt,
      job.cancel,
      exit,
      job.note,
      job.seq,
      job.id,
      job.name,
      job.runId,
      specText(job),
    );
  }

  /** Whether the row was there. */
  #update(job: Job, devices: string, exit: string | null): boolean {
    const { changes } = this.#updateJob.run(
      job.state,
      job.attempt,
      job.readyAt,
      job.notBefore,
      job.nodeId,
      devices,
      job.startedAt,
      job.finishedAt,
      job.cancel,
      exit,
      job.note,
      job.seq,
    );
    return changes !== 0;
  }

  #putAttempt(jobSeq: number, attempt: Attempt): void {
    this.#upsertAttempt.run(
      jobSeq,
      attempt.number,
      attempt.nodeId,
      devicesText(attempt.devices),
      attempt.state,
      attempt.placedAt,
      attempt.startedAt,
      attempt.exitedAt,
      attempt.endedAt,
      jsonOrNull(attempt.exit),
      jsonOrNull(attempt.logBytes),
    );
  }

  #seqInStore(jobId: string): number {
    const row = this.#seqOf.get(jobId) as { seq: number } | undefined;
    if (row === undefined) throw new Error(`the store has no job ${jobId}`);
    return row.seq;
  }
}
