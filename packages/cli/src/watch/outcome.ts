/** How a job's end becomes an exit code. */

import { constants } from "node:os";
import type { JobDetail } from "@titan/protocol";
import { TitanError } from "@titan/protocol";

/** Of `titan run`: the job's own code, 128 + n for a signal, 125 where the job was ended or never started. */
export function runExitCode(job: Pick<JobDetail, "state" | "cause" | "exit_code" | "signal">): number {
  if (job.state === "succeeded") return 0;
  if (job.cause === "exit" && job.exit_code !== null) return job.exit_code;
  if (job.cause === "signal" && job.signal !== null) return 128 + signalNumber(job.signal);
  return 125;
}

/** Words for an end that is not the program's own doing; null where its exit code says it all. */
export function failure(
  job: Pick<JobDetail, "id" | "name" | "state" | "cause" | "reason">,
): TitanError | null {
  if (job.state === "succeeded" || job.cause === "exit") return null;
  return new TitanError("job-failed", ending(job), { hint: "" });
}

/** `the job train (7f3a…) failed: exited with code 1`. */
export function ending(job: Pick<JobDetail, "id" | "name" | "state" | "reason">): string {
  const how = job.state === "cancelled" ? "was cancelled" : job.state;
  const reason = job.reason === "" || job.reason === job.state ? "" : `: ${job.reason}`;
  return `the job ${job.name} (${job.id}) ${how}${reason}`;
}

function signalNumber(name: string): number {
  return Object.hasOwn(constants.signals, name) ? constants.signals[name as NodeJS.Signals] : 0;
}
