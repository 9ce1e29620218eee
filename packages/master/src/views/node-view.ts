import { type Node, type State, usedOf } from "@titan/core";
import type { NodeView } from "@titan/protocol";
import { isoTime, isoTimeOrNull } from "./amounts.ts";

export function nodeView(node: Node, state: State): NodeView {
  const used = usedOf(state, node.id);
  return {
    id: node.id,
    name: node.name,
    state: nodeState(node),
    cpus: node.capacity.cpuMillis / 1_000,
    cpus_used: used.cpuMillis / 1_000,
    memory: node.capacity.memoryBytes,
    memory_used: used.memoryBytes,
    gpus: node.capacity.devices.map((device) => ({
      index: device.index,
      vendor: device.vendor,
      model: device.model,
      memory: device.memoryBytes,
      job: used.devices.get(device.index) ?? null,
    })),
    labels: { ...node.labels },
    jobs: [...(state.use.get(node.id)?.attempts ?? [])],
    about: { ...node.about },
    joined_at: isoTime(node.joinedAt),
    silent_at: isoTimeOrNull(node.connected ? null : node.silentAt),
  };
}

/** Silence first: an operator's cordon matters only on a node that is there. */
export function nodeState(node: Node): NodeView["state"] {
  if (!node.connected) return "silent";
  return node.admission === "cordoned" ? "cordoned" : "up";
}
