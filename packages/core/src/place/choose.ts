import type { Node, Requirement } from "../model.ts";
import type { Used } from "../state.ts";
import { deviceServes } from "./fit.ts";

/** How well a node suits a job that fits there: lower is better, the first number first. */
export interface Score {
  readonly scarcity: number;
  readonly spread: number;
  readonly leftover: number;
}

/** Free devices that serve, the smallest first, so that large ones stay for the jobs that need them. */
export function chooseDevices(node: Node, used: Used, requirement: Requirement): readonly number[] {
  if (requirement.gpus === 0) return [];
  return node.capacity.devices
    .filter((device) => deviceServes(device, requirement) && !used.devices.has(device.index))
    .sort((a, b) => a.memoryBytes - b.memoryBytes || a.index - b.index)
    .slice(0, requirement.gpus)
    .map((device) => device.index)
    .sort((a, b) => a - b);
}

/**
 * A job without gpus prefers nodes without devices; one with gpus the smallest sufficient devices, then the node that
 * is left with the fewest. What is still equal goes where it leaves the least over: large gaps stay for large jobs.
 */
export function rate(node: Node, used: Used, requirement: Requirement): Score {
  const leftover =
    share(node.capacity.cpuMillis - used.cpuMillis - requirement.cpuMillis, node.capacity.cpuMillis) +
    share(node.capacity.memoryBytes - used.memoryBytes - requirement.memoryBytes, node.capacity.memoryBytes);
  const { devices } = node.capacity;
  if (requirement.gpus === 0) return { scarcity: devices.length > 0 ? 1 : 0, spread: 0, leftover };
  const chosen = chooseDevices(node, used, requirement);
  let largest = 0;
  for (const device of devices) {
    if (chosen.includes(device.index)) largest = Math.max(largest, device.memoryBytes);
  }
  return { scarcity: largest, spread: devices.length - used.devices.size - requirement.gpus, leftover };
}

/** Whether the first is better; nodes that are equal in all are told apart by id, so that a decision can be repeated. */
export function isBetter(a: Score, aId: string, b: Score, bId: string): boolean {
  if (a.scarcity !== b.scarcity) return a.scarcity < b.scarcity;
  if (a.spread !== b.spread) return a.spread < b.spread;
  if (a.leftover !== b.leftover) return a.leftover < b.leftover;
  return aId < bId;
}

/** Whether nothing that a score looks at has changed. */
export function isSame(a: Score, b: Score): boolean {
  return a.scarcity === b.scarcity && a.spread === b.spread && a.leftover === b.leftover;
}

function share(left: number, of: number): number {
  return of > 0 ? left / of : 0;
}
