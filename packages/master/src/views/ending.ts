import type { Exit } from "@titan/core";

/** Why something ended, in one line; empty where it simply succeeded. */
export function endingLine(exit: Exit | null): string {
  if (exit === null) return "";
  switch (exit.cause) {
    case "exit":
      return exit.code === 0 ? "" : withMessage(`exited with code ${exit.code}`, exit);
    case "signal":
      return withMessage(`killed by ${exit.signal ?? "a signal"}`, exit);
    case "timeout":
      return exit.message || "ran longer than its timeout";
    case "cancelled":
      return withMessage("cancelled", exit);
    case "owner-gone":
      return withMessage("cancelled: the process that it belonged to went away", exit);
    case "queue-timeout":
      return exit.message || "found no place within its queue timeout";
    case "parent-failed":
      return exit.message || "a job that it waited for did not succeed";
    case "affinity-impossible":
      return exit.message || "its affinity cannot be kept";
    case "launch-failed":
      return withMessage("could not be started", exit);
    case "node-lost":
      return withMessage("its node was lost", exit);
  }
}

function withMessage(what: string, exit: Exit): string {
  return exit.message === "" ? what : `${what}: ${exit.message}`;
}
