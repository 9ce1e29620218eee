/** The cluster at rest: every node is back, nobody remembers anything that is over. */
import type { State } from "@titan/core";
import type { Machine } from "../machine.ts";

/** What is not as it must be once everything has ended; `state` is the master's memory, if there is a master. */
export function complaints(machines: readonly Machine[], state: State | undefined): string[] {
  const found: string[] = [];
  for (const machine of machines) {
    const known = machine.known();
    if (known === null) found.push(`liveness: ${machine.id} has no agent`);
    else if (known > 0) found.push(`liveness: ${machine.id} still knows ${known} attempts that have ended`);
  }
  if (state === undefined) return [...found, "liveness: there is no master"];
  if (state.jobs.size + state.attempts.size > 0)
    found.push("memory: the master has jobs that the store has ended");
  for (const [nodeId, use] of state.use) {
    if (use.cpuMillis !== 0 || use.memoryBytes !== 0 || use.devices.size > 0)
      found.push(`memory: ${nodeId} has something in use, and nothing runs`);
  }
  for (const node of state.nodes.values()) {
    if (!node.connected) found.push(`liveness: ${node.id} is not connected`);
  }
  return found;
}
