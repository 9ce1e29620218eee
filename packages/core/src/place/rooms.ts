import type { Job } from "../model.ts";
import { type State, type Used, usedOf } from "../state.ts";

/** What is held of each node in the course of one pass: copied only where the pass takes something. */
export class Rooms {
  readonly #state: State;
  readonly #copies = new Map<string, Used>();

  constructor(state: State) {
    this.#state = state;
  }

  used(nodeId: string): Used {
    return this.#copies.get(nodeId) ?? usedOf(this.#state, nodeId);
  }

  take(nodeId: string, job: Job, devices: readonly number[]): void {
    let used = this.#copies.get(nodeId);
    if (used === undefined) {
      const { cpuMillis, memoryBytes, devices: held } = usedOf(this.#state, nodeId);
      used = { cpuMillis, memoryBytes, devices: new Map(held) };
      this.#copies.set(nodeId, used);
    }
    used.cpuMillis += job.requirement.cpuMillis;
    used.memoryBytes += job.requirement.memoryBytes;
    for (const device of devices) used.devices.set(device, job.id);
  }
}
