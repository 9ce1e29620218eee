/** Silent nodes: they get nothing new, and what they had is given up after its whole time, not before and not much later. */
import type { Node } from "@titan/core";
import { keyOf, type Ledger } from "../ledger.ts";
import type { Check, Wrong } from "./check.ts";

/** Commits of a slow disk come late. */
const SLACK_MS = 8_000;

export interface Bounds {
  readonly leaseMs: number;
  readonly lostAfterMs: number;
}

export function silenceKept(bounds: Bounds, wrong: Wrong): Check {
  return {
    storing(batch, ledger, now) {
      const nodes = new Map<string, Node>();
      for (const { table, row } of batch.changes) {
        if (table === "nodes") {
          if (row.connected) judgeReturn(ledger, row.id, bounds, now, wrong);
          nodes.set(row.id, row);
        } else if (table === "attempts" && !ledger.attempts.has(keyOf(row)) && row.state === "starting") {
          const node = nodes.get(row.nodeId) ?? ledger.nodes.get(row.nodeId);
          if (!node?.connected) wrong(`silence: ${keyOf(row)} was placed on ${row.nodeId}, which is silent`);
        } else if (table === "attempts" && row.exit?.message.includes("has been silent for")) {
          const { since, bound } = silenceOf(ledger, row.jobId, row.nodeId, bounds);
          // A master that has only just started knows nothing of who is silent: it waits a full bound too.
          if (now - since < bound)
            wrong(`full bound: ${keyOf(row)} was given up after ${now - since} of ${bound} ms`);
        }
      }
    },
  };
}

function judgeReturn(ledger: Ledger, nodeId: string, bounds: Bounds, now: number, wrong: Wrong): void {
  if (ledger.nodes.get(nodeId)?.connected !== false) return;
  for (const attempt of ledger.attempts.values()) {
    if (attempt.nodeId !== nodeId || attempt.state === "ended") continue;
    const { since, bound } = silenceOf(ledger, attempt.jobId, nodeId, bounds);
    if (now - since > bound + SLACK_MS)
      wrong(`silence: ${keyOf(attempt)} was not given up in ${now - since} ms, the bound is ${bound}`);
  }
}

function silenceOf(
  ledger: Ledger,
  jobId: string,
  nodeId: string,
  bounds: Bounds,
): { since: number; bound: number } {
  const retries = ledger.jobs.get(jobId)?.retry.max ?? 0;
  return {
    since: Math.max(ledger.masterSince, ledger.nodes.get(nodeId)?.silentAt ?? 0),
    bound: retries > 0 ? bounds.leaseMs : bounds.lostAfterMs,
  };
}
