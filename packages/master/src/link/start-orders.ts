/** Turns start effects into start orders: adds the payload, from memory or from the store, and the devices. */
import { type Device, type Effect, heldMs, type Job, type State } from "@titan/core";
import type { JobPayload } from "@titan/protocol";
import type { StartOrder } from "@titan/protocol/link";
import type { Engine } from "../engine/engine.ts";

type Start = Extract<Effect, { type: "start" }>;

export interface ReadyOrder {
  readonly order: StartOrder;
  /** About how large it is on the wire. */
  readonly bytes: number;
}

export class StartOrders {
  readonly #engine: Engine;
  readonly #missing: { start: Start; deliver: (ready: ReadyOrder | null) => void }[] = [];

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** The order at once where the payload is in memory; else null, and `deliver` gets it later: null where there is none. */
  make(start: Start, deliver: (ready: ReadyOrder | null) => void): ReadyOrder | null {
    const payload = this.#engine.takePayload(start.job.id);
    if (payload !== undefined) return orderOf(this.#engine, start, payload);
    if (this.#missing.length === 0) this.#engine.clock.soon(() => void this.#fetch());
    this.#missing.push({ start, deliver });
    return null;
  }

  /** One read for all that gathered in a turn of the event loop. */
  async #fetch(): Promise<void> {
    const missing = this.#missing.splice(0);
    const payloads = await this.#engine
      .storedPayloads(missing.map(({ start }) => start.job.id))
      .catch(() => new Map<string, string>());
    for (const { start, deliver } of missing) {
      const payload = payloads.get(start.job.id);
      deliver(payload === undefined ? null : orderOf(this.#engine, start, payload));
    }
  }
}

function orderOf({ state, settings }: Engine, { nodeId, job, notes }: Start, payload: string): ReadyOrder {
  const order: StartOrder = {
    jobId: job.id,
    number: job.attempt,
    name: job.name,
    runId: job.runId,
    devices: devicesOf(state, nodeId, job),
    timeoutMs: job.timeoutMs,
    graceMs: job.graceMs,
    lostAfterMs: heldMs(job, settings),
    notes,
    payload: JSON.parse(payload) as JobPayload,
  };
  return { order, bytes: 256 + payload.length };
}

const NO_DEVICES: readonly Device[] = [];

function devicesOf(state: State, nodeId: string, job: Job): readonly Device[] {
  if (job.devices.length === 0) return NO_DEVICES;
  const devices = state.nodes.get(nodeId)?.capacity.devices ?? [];
  return devices.filter(({ index }) => job.devices.includes(index));
}
