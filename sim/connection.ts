/** One connection between an agent and a master, and what of it is remembered to be said again. */
import type { SocketEvents } from "@titan/agent/simulation";
import type { LinkEvents } from "@titan/master/simulation";
import type { Random } from "./random.ts";
import type { ProcessClock } from "./time.ts";

export type Direction = "up" | "down";

export interface Lane {
  /** Nothing arrives any more. */
  dead: boolean;
  /** Nothing arrives before. */
  stalledUntil: number;
  lastAt: number;
}

export interface Connection {
  readonly nodeId: string;
  greeted: boolean;
  readonly up: Lane;
  readonly down: Lane;
  readonly agent: { open: boolean; readonly clock: ProcessClock; readonly events: SocketEvents };
  readonly master: { open: boolean; clock: ProcessClock; events: LinkEvents };
}

export function newLane(): Lane {
  return { dead: false, stalledUntil: 0, lastAt: 0 };
}

/** Frames of each node that are remembered. */
const ECHOES = 30;
/** A heartbeat is shorter. */
const ECHO_BYTES = 16;

export class FrameMemory {
  readonly #heard = new Map<string, Uint8Array[]>();
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** The first frame is the hello: nobody repeats that. */
  note(connection: Connection, frame: Uint8Array): void {
    if (!connection.greeted) {
      connection.greeted = true;
      return;
    }
    if (frame.length < ECHO_BYTES) return;
    let frames = this.#heard.get(connection.nodeId);
    if (frames === undefined) {
      frames = [];
      this.#heard.set(connection.nodeId, frames);
    }
    if (frames.length < ECHOES) frames.push(frame);
    else frames[this.#random.int(0, ECHOES - 1)] = frame;
  }

  /** Something that the node has said; null where it has said nothing yet. */
  any(nodeId: string): Uint8Array | null {
    const frames = this.#heard.get(nodeId) ?? [];
    return frames.length === 0 ? null : this.#random.pick(frames);
  }
}
