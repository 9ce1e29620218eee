import type { Decision, Rejection } from "../decision.ts";

/** A command that is refused changes nothing. */
export function reject(
  code: Rejection["code"],
  message: string,
  hint: string,
  field: string | null = null,
): Decision {
  return { changes: [], effects: [], rejected: { code, message, hint, field } };
}

/** A report that a later attempt, another node or the end of the job has overtaken. */
export function stale(jobId: string, number: number): Decision {
  return reject(
    "stale-attempt",
    `attempt ${number} of job ${jobId} is not the current one`,
    "Nothing was changed.",
  );
}
