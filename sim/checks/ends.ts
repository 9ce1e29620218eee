/** What must hold once no fault is left: everything acknowledged has ended, and every log is what was printed. */
import { isFinished } from "@titan/core";
import { jobOfKey } from "../ledger.ts";
import { outputOf } from "../output.ts";
import type { Check, Wrong } from "./check.ts";

export function nothingLost(wrong: Wrong): Check {
  return {
    final(ledger) {
      for (const id of ledger.acknowledged) {
        const job = ledger.jobs.get(id);
        if (job === undefined) wrong(`lost: ${id} was acknowledged and is not in the store`);
        else if (!isFinished(job.state))
          wrong(`liveness: ${id} is ${job.state}, attempt ${job.attempt} on ${job.nodeId}`);
      }
      for (const process of ledger.running) wrong(`liveness: ${process.key} still runs on ${process.nodeId}`);
    },
  };
}

/** Slow commits and the signal itself together come nowhere near it. */
const STOP_SLACK_MS = 8_000;

/** A job that was cancelled is never placed again; what runs of it is gone soon after its node can hear. */
export function cancelsKept(disturbedUntil: (nodeId: string) => number, wrong: Wrong): Check {
  return {
    ended(process, ledger, now) {
      const id = jobOfKey(process.key);
      const cancelled = ledger.cancelled.get(id);
      if (cancelled === undefined) return;
      const joined = ledger.joined.get(process.nodeId) ?? 0;
      const since = Math.max(cancelled.at, ledger.masterSince, joined, disturbedUntil(process.nodeId));
      const allowed = (ledger.jobs.get(id)?.graceMs ?? 0) + STOP_SLACK_MS;
      if (now - since > allowed)
        wrong(`cancel: ${process.key} ran on for ${now - since} ms after it was cancelled`);
    },
    final(ledger) {
      for (const [id, { attempt }] of ledger.cancelled) {
        const job = ledger.jobs.get(id);
        if (job !== undefined && job.attempt > attempt)
          wrong(`cancel: ${id} was cancelled during attempt ${attempt} and has attempt ${job.attempt}`);
      }
    },
  };
}

export function logsExact(wrong: Wrong): Check {
  return {
    final(ledger, logs) {
      for (const [key, attempt] of ledger.attempts) {
        const whole = attempt.exit?.cause === "exit" || attempt.exit?.cause === "signal";
        for (const stream of ["stdout", "stderr"] as const) {
          const held = logs.bytes(key, stream);
          if (!held.equals(outputOf(key, stream).subarray(0, held.length)))
            wrong(`log: ${stream} of ${key} is not what it printed`);
          const printed = ledger.outcomes.get(key)?.[stream] ?? 0;
          if (held.length > Math.max(printed, attempt.logBytes?.[stream] ?? 0))
            wrong(`log: ${stream} of ${key} is longer than what it printed`);
          if (whole && attempt.state === "ended" && held.length !== printed)
            wrong(
              `log: ${held.length} of ${printed} bytes of ${stream} of ${key} are held, and it has ended`,
            );
        }
      }
    },
  };
}
