/** A job's log from some place on, over its attempts, as it grows. */
import { isFinished, type Job } from "@titan/core";
import type { LogStream } from "@titan/protocol/link";
import type { LogStore } from "../logs/log-store.ts";
import { Bell } from "./bell.ts";

export interface LogPlace {
  readonly attempt: number;
  /** In the attempt's log, all streams together. */
  readonly offset: number;
}

export interface LogPiece {
  readonly stream: LogStream;
  readonly offset: number;
  readonly at: number;
  readonly data: Uint8Array;
}

export type LogStep =
  | { readonly type: "piece"; readonly attempt: number; readonly piece: LogPiece }
  /** All that there is for now was given. */
  | { readonly type: "pause" }
  /** Nothing more will ever come of what was asked. */
  | { readonly type: "end"; readonly place: LogPlace };

export interface LogSource {
  readonly logs: Pick<LogStore, "read" | "onAppend">;
  job(): Promise<Job | null>;
  onJobChange(listener: () => void): () => void;
}

export interface LogRange {
  readonly from: LogPlace;
  /** Ends with the attempt where it begins. */
  readonly oneAttempt: boolean;
  readonly follow: boolean;
}

/** Ends after `end`, after everything there is where `follow` is false, and soon after `signal` aborts. */
export async function* followLog(
  source: LogSource,
  jobId: string,
  range: LogRange,
  signal: AbortSignal,
): AsyncGenerator<LogStep> {
  const bell = new Bell();
  const stopWatching = source.onJobChange(bell.ring);
  let { attempt, offset } = range.from;
  let stopListening = source.logs.onAppend({ jobId, number: attempt }, bell.ring);
  try {
    while (!signal.aborted) {
      // Before the bytes are read: a job seen ended now has all its bytes by then.
      const job = await source.job();
      if (job === null) return;
      for await (const piece of source.logs.read({ jobId, number: attempt }, offset)) {
        if (signal.aborted) return;
        offset = piece.offset + piece.data.length;
        yield { type: "piece", attempt, piece };
      }
      if (isOver(job, attempt) && attempt < job.attempt && !range.oneAttempt) {
        attempt += 1;
        offset = 0;
        stopListening();
        stopListening = source.logs.onAppend({ jobId, number: attempt }, bell.ring);
        continue;
      }
      if (isFinished(job.state) || (range.oneAttempt && isOver(job, attempt))) {
        yield { type: "end", place: { attempt, offset } };
        return;
      }
      if (!range.follow) return;
      yield { type: "pause" };
      await bell.wait(signal);
    }
  } finally {
    stopWatching();
    stopListening();
  }
}

/** Whether the attempt can write no more: the job ended, went on to a later one, or waits to be tried again. */
function isOver(job: Job, attempt: number): boolean {
  return (
    isFinished(job.state) || job.attempt > attempt || (job.attempt === attempt && job.state === "waiting")
  );
}
