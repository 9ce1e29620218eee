/** What really runs: never more than a node has, never two attempts of one job, never what nobody decided. */

import type { Process } from "../launcher.ts";
import { jobOfKey, type Ledger } from "../ledger.ts";
import type { Check, Wrong } from "./check.ts";

export function capacityKept(wrong: Wrong): Check {
  return {
    began(process, ledger) {
      const node = ledger.nodes.get(process.nodeId);
      if (node === undefined) return wrong(`${process.key} runs on ${process.nodeId}, which nobody knows`);
      let cpuMillis = 0;
      let memoryBytes = 0;
      const holders = new Map<number, string>();
      for (const other of ledger.running) {
        if (other.nodeId !== process.nodeId) continue;
        const requirement = ledger.jobs.get(jobOfKey(other.key))?.requirement;
        cpuMillis += requirement?.cpuMillis ?? 0;
        memoryBytes += requirement?.memoryBytes ?? 0;
        for (const device of other.devices) {
          const holder = holders.get(device);
          if (holder !== undefined)
            wrong(`capacity: ${holder} and ${other.key} share device ${device} of ${node.id}`);
          holders.set(device, other.key);
        }
      }
      const { capacity } = node;
      if (cpuMillis > capacity.cpuMillis)
        wrong(`capacity: ${cpuMillis} of ${capacity.cpuMillis} cpuMillis run on ${node.id}`);
      if (memoryBytes > capacity.memoryBytes)
        wrong(`capacity: ${memoryBytes} of ${capacity.memoryBytes} bytes run on ${node.id}`);
      const asked = ledger.jobs.get(jobOfKey(process.key))?.requirement.gpus ?? 0;
      if (process.devices.length !== asked)
        wrong(`capacity: ${process.key} got ${process.devices.length} of ${asked} devices`);
    },
  };
}

export function neverTwice(wrong: Wrong): Check {
  const seen = new Set<string>();
  return {
    began(process, ledger) {
      for (const other of ledger.running) {
        if (other !== process && jobOfKey(other.key) === jobOfKey(process.key))
          wrong(
            `overlap: ${process.key} on ${process.nodeId} began while ${other.key} runs on ${other.nodeId}`,
          );
      }
      if (seen.has(process.key)) wrong(`overlap: attempt ${process.key} was started twice`);
      seen.add(process.key);
    },
  };
}

/** Commit, then speak: nothing runs that the store does not know of, nor before what it waits for. */
export function decidedFirst(wrong: Wrong): Check {
  return {
    began(process: Process, ledger: Ledger) {
      const attempt = ledger.attempts.get(process.key);
      if (attempt === undefined) return wrong(`order: ${process.key} runs and is not in the store`);
      if (attempt.nodeId !== process.nodeId)
        wrong(`order: ${process.key} runs on ${process.nodeId}, placed on ${attempt.nodeId}`);
      if (String(attempt.devices) !== String(process.devices))
        wrong(`order: ${process.key} was shown devices ${process.devices}, placed on ${attempt.devices}`);
      for (const parent of ledger.jobs.get(attempt.jobId)?.parents ?? []) {
        const { state } = ledger.jobs.get(parent) ?? {};
        if (state !== "succeeded") wrong(`order: ${process.key} runs while its parent ${parent} is ${state}`);
      }
    },
  };
}
