/**
 * The network between nodes and master: ordered within a connection, as TCP is, and nothing else is promised. A message
 * may take longer than every timeout, a direction may die without a word, and either side may hear of an end late.
 */
import type { Socket, SocketEvents } from "@titan/agent/simulation";
import type { LinkEvents, LinkSocket } from "@titan/master/simulation";
import { type Connection, type Direction, FrameMemory, type Lane, newLane } from "./connection.ts";
import type { Random } from "./random.ts";
import type { ProcessClock, Time } from "./time.ts";

/** Where connections arrive; null while no master listens. */
export interface Listener {
  readonly clock: ProcessClock;
  accept(socket: LinkSocket): LinkEvents;
}

const CONNECT_TIMEOUT_MS = 3_000;

export class Network {
  listener: Listener | null = null;
  readonly #time: Time;
  readonly #random: Random;
  readonly #connections = new Set<Connection>();
  /** Nodes that reach nobody, until when. */
  readonly #isolated = new Map<string, number>();
  /** Since when each node and the master can hear each other. */
  readonly #disturbed = new Map<string, number>();
  readonly #memory: FrameMemory;

  constructor(time: Time, random: Random) {
    this.#time = time;
    this.#random = random;
    this.#memory = new FrameMemory(random);
  }

  dial(nodeId: string, clock: ProcessClock, events: SocketEvents): Socket {
    let connection: Connection | null = null;
    let given = false;
    const fail = (why: string): void => {
      if (clock.alive && !given) events.lost(why, null);
    };
    if (this.#isIsolated(nodeId)) this.#time.after(CONNECT_TIMEOUT_MS, () => fail("no answer"));
    else {
      this.#time.after(this.#latency(), () => {
        if (given || !clock.alive) return;
        connection = this.#connect(nodeId, clock, events);
        if (connection === null) fail("connection refused");
      });
    }
    const end = (): void => {
      given = true;
      if (connection !== null) this.#closeAgent(connection);
    };
    return {
      send: (frame) => {
        const open = connection;
        if (open?.agent.open) this.#pass(open.up, frame, (copy) => this.#toMaster(open, copy));
      },
      close: end,
      terminate: end,
    };
  }

  /** Both sides hear that the connection is gone, each at its time; what was on its way is lost. */
  cut(nodeId: string): void {
    for (const connection of this.#of(nodeId)) {
      this.#kill(connection, "both");
      this.#time.after(this.#random.span(0, 2_000), () => this.#endAgent(connection, "reset"));
      this.#time.after(this.#random.span(0, 2_000), () => this.#endMaster(connection, "reset"));
    }
  }

  /** Nothing arrives any more in this direction of the present connection, and nobody is told. */
  deafen(nodeId: string, direction: Direction | "both"): void {
    for (const connection of this.#of(nodeId)) this.#kill(connection, direction);
  }

  /** Everything in this direction arrives late, in order. */
  stall(nodeId: string, direction: Direction, ms: number): void {
    for (const connection of this.#of(nodeId)) {
      const lane = connection[direction];
      lane.stalledUntil = Math.max(lane.stalledUntil, this.#time.now + ms);
      this.#disturb(nodeId, lane.stalledUntil);
    }
  }

  /** The node says again what it said some time ago: the master must hold against one that repeats itself. */
  echo(nodeId: string): void {
    const frame = this.#memory.any(nodeId);
    if (frame !== null) this.say(nodeId, frame);
  }

  /** The node says something that its agent never said. */
  say(nodeId: string, frame: Uint8Array): void {
    for (const connection of this.#of(nodeId)) {
      if (connection.greeted && connection.agent.open)
        this.#pass(connection.up, frame, (copy) => this.#toMaster(connection, copy));
    }
  }

  /** The node reaches nobody for so long; its present connection is dead without a word. */
  isolate(nodeId: string, ms: number): void {
    this.#isolated.set(nodeId, Math.max(this.#isolated.get(nodeId) ?? 0, this.#time.now + ms));
    this.deafen(nodeId, "both");
  }

  /** The last fault of its connection is over then; infinite while it waits for another one. */
  disturbedUntil(nodeId: string): number {
    return this.#disturbed.get(nodeId) ?? 0;
  }

  /** No fault is left; connections that are dead stay so until somebody notices. */
  heal(): void {
    this.#isolated.clear();
  }

  /** The process that listened is gone: its kernel closes what it had open. */
  masterDied(): void {
    this.listener = null;
    for (const connection of [...this.#connections]) this.#closeMaster(connection);
  }

  /** `silently`: the whole machine, so that nobody is left to close. */
  agentDied(nodeId: string, silently: boolean): void {
    for (const connection of this.#of(nodeId)) {
      if (silently) this.#kill(connection, "both");
      this.#closeAgent(connection);
    }
  }

  #connect(nodeId: string, clock: ProcessClock, events: SocketEvents): Connection | null {
    const { listener } = this;
    if (listener === null || this.#isIsolated(nodeId)) return null;
    const connection: Connection = {
      nodeId,
      greeted: false,
      up: newLane(),
      down: newLane(),
      agent: { open: true, clock, events },
      master: { open: true, clock: listener.clock, events: { frame() {}, closed() {} } },
    };
    const end = (): void => {
      if (!connection.master.open) return;
      this.#closeMaster(connection);
      this.#time.after(0, () => {
        if (connection.master.clock.alive) connection.master.events.closed("closed");
      });
    };
    this.#connections.add(connection);
    this.#disturbed.set(nodeId, this.#time.now);
    connection.master.events = listener.accept({
      isOpen: () => connection.master.open,
      send: (frame) => this.#pass(connection.down, frame, (copy) => this.#toAgent(connection, copy)),
      close: end,
      terminate: end,
    });
    this.#pass(connection.down, null, () => {
      if (connection.agent.open && clock.alive) events.open();
    });
    return connection;
  }

  #toMaster(connection: Connection, frame: Uint8Array): void {
    const { open, clock, events } = connection.master;
    if (!open || !clock.alive) return;
    this.#memory.note(connection, frame);
    events.frame(frame);
  }

  #toAgent(connection: Connection, frame: Uint8Array): void {
    const { open, clock, events } = connection.agent;
    if (open && clock.alive) events.frame(frame);
  }

  /** The agent's side is closed; the master hears of it behind what was sent before. */
  #closeAgent(connection: Connection): void {
    if (!connection.agent.open) return;
    connection.agent.open = false;
    this.#pass(connection.up, null, () => this.#endMaster(connection, "closed the connection"));
    this.#forget(connection);
  }

  #closeMaster(connection: Connection): void {
    connection.master.open = false;
    this.#pass(connection.down, null, () => this.#endAgent(connection, "the master closed the connection"));
    this.#forget(connection);
  }

  #endAgent(connection: Connection, why: string): void {
    const { agent } = connection;
    if (!agent.open) return;
    agent.open = false;
    this.#forget(connection);
    if (agent.clock.alive) agent.events.lost(why, null);
  }

  #endMaster(connection: Connection, why: string): void {
    const { master } = connection;
    if (!master.open) return;
    master.open = false;
    this.#forget(connection);
    if (master.clock.alive) master.events.closed(why);
  }

  #pass<T extends Uint8Array | null>(lane: Lane, frame: T, deliver: (copy: T) => void): void {
    if (lane.dead) return;
    lane.lastAt = Math.max(this.#time.now + this.#latency(), lane.stalledUntil, lane.lastAt);
    this.#time.at(lane.lastAt, () => {
      if (lane.dead) return;
      // A stall that began after it was sent holds it too: it goes behind what was held before it.
      if (lane.stalledUntil > this.#time.now)
        this.#time.at(lane.stalledUntil, () => lane.dead || deliver(frame));
      else deliver(frame);
    });
  }

  #kill(connection: Connection, direction: Direction | "both"): void {
    this.#disturb(connection.nodeId, Number.POSITIVE_INFINITY);
    if (direction !== "down") connection.up.dead = true;
    if (direction !== "up") connection.down.dead = true;
  }

  #disturb(nodeId: string, until: number): void {
    this.#disturbed.set(nodeId, Math.max(this.disturbedUntil(nodeId), until));
  }

  #forget(connection: Connection): void {
    if (!connection.agent.open && !connection.master.open) this.#connections.delete(connection);
  }

  #of(nodeId: string): Connection[] {
    return [...this.#connections].filter((connection) => connection.nodeId === nodeId);
  }

  #isIsolated(nodeId: string): boolean {
    return (this.#isolated.get(nodeId) ?? 0) > this.#time.now;
  }

  #latency(): number {
    return this.#random.chance(0.02) ? this.#random.span(5, 400) : this.#random.int(0, 4);
  }
}
