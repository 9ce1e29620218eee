import type { Node, Requirement } from "../model.ts";
import type { Used } from "../state.ts";
import { chooseDevices } from "./choose.ts";
import { countDevices, deviceServes } from "./fit.ts";

/** A node kept for the best-ranked job that fits nowhere now, so that small jobs behind it cannot starve it. */
export interface Reservation {
  readonly nodeId: string;
  readonly requirement: Requirement;
}

/** Of nodes that hold it in total, the one where the least has to be freed; null where there is none. */
export function reserve(
  nodes: readonly Node[],
  requirement: Requirement,
  usedOn: (nodeId: string) => Used,
): Reservation | null {
  let best: Node | null = null;
  let least = Infinity;
  for (const node of nodes) {
    const short = shortage(node, usedOn(node.id), requirement);
    if (short > least || (short === least && best !== null && best.id < node.id)) continue;
    best = node;
    least = short;
  }
  return best === null ? null : { nodeId: best.id, requirement };
}

/** Whether a lower-ranked job leaves the reserved one what it needs of every amount that the two share. */
export function respects(
  reservation: Reservation | null,
  node: Node,
  used: Used,
  requirement: Requirement,
): boolean {
  if (reservation === null || reservation.nodeId !== node.id) return true;
  const kept = reservation.requirement;
  const cpus = node.capacity.cpuMillis - used.cpuMillis - requirement.cpuMillis;
  if (requirement.cpuMillis > 0 && cpus < kept.cpuMillis) return false;
  const memory = node.capacity.memoryBytes - used.memoryBytes - requirement.memoryBytes;
  if (requirement.memoryBytes > 0 && memory < kept.memoryBytes) return false;
  if (requirement.gpus === 0 || kept.gpus === 0) return true;
  const taken = chooseDevices(node, used, requirement);
  const lost = node.capacity.devices.filter((d) => taken.includes(d.index) && deviceServes(d, kept)).length;
  return countDevices(node, kept, used) - lost >= kept.gpus;
}

/** What has to be freed, each amount as a share of the node's own. */
function shortage(node: Node, used: Used, requirement: Requirement): number {
  const { cpuMillis, memoryBytes, devices } = node.capacity;
  const gpus = requirement.gpus === 0 ? 0 : countDevices(node, requirement, used);
  return (
    missing(requirement.cpuMillis, cpuMillis - used.cpuMillis, cpuMillis) +
    missing(requirement.memoryBytes, memoryBytes - used.memoryBytes, memoryBytes) +
    missing(requirement.gpus, gpus, devices.length)
  );
}

function missing(need: number, free: number, of: number): number {
  return need > free && of > 0 ? (need - free) / of : 0;
}
