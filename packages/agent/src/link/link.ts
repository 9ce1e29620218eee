/** The node's connection to its master: greeting, heartbeats, reconnecting. What is said is decided elsewhere. */
import type { TitanError } from "@titan/protocol";
import { decodeFrame, encodeFrame, type FromNode, type ToNode } from "@titan/protocol/link";
import type { Clock, Timer } from "../clock.ts";
import type { Log } from "../log.ts";
import { backoffMs } from "./backoff.ts";
import { Outbox } from "./outbox.ts";
import { type Dial, refusal, type Socket } from "./socket.ts";

export type Welcome = ToNode & { t: "welcome" };
export type Order = Exclude<ToNode, { t: "welcome" | "refuse" | "beat" }>;

export interface LinkOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly dial: Dial;
  readonly random: () => number;
  /** Runs its argument after a time, with 0 at the end of this turn of the event loop. */
  readonly schedule: (action: () => void, waitMs: number) => void;
  readonly hello: () => FromNode & { t: "hello" };
  readonly welcomed: (welcome: Welcome) => void;
  readonly ordered: (order: Order) => void;
  /** The link that was up is gone; the master was last heard of at `since`. */
  readonly disconnected: (since: number) => void;
  /** Refused: no use in trying again. */
  readonly refused: (error: TitanError) => void;
}

/** Until the master has said its own lease. */
const FIRST_LEASE_MS = 10_000;
const BEATS_PER_LEASE = 3;

export class Link {
  readonly outbox: Outbox;
  private readonly options: LinkOptions;
  private socket: Socket | null = null;
  private up = false;
  private closed = false;
  private failures = 0;
  private leaseMs = FIRST_LEASE_MS;
  private heardAt = 0;
  private timer: Timer | null = null;

  constructor(options: LinkOptions) {
    this.options = options;
    this.outbox = new Outbox((frame) => this.socket?.send(frame), options.schedule);
  }

  connect(): void {
    if (this.closed) return;
    const { clock, dial, hello } = this.options;
    this.heardAt = clock.now();
    // Events of a socket that has been given up reach nothing.
    const mine = (action: () => void): void => {
      if (this.socket === socket) action();
    };
    const socket: Socket = dial({
      open: () =>
        mine(() => {
          this.outbox.clear();
          socket.send(encodeFrame([hello()]));
          this.heardAt = clock.now();
          this.beat();
        }),
      frame: (data) => mine(() => this.read(data)),
      lost: (why, fatal) => mine(() => this.lost(why, fatal)),
    });
    this.socket = socket;
  }

  isUp(): boolean {
    return this.up;
  }

  /** Sends what is waiting and closes in order. */
  close(): void {
    this.closed = true;
    this.timer?.cancel();
    this.outbox.flush();
    this.socket?.close();
    this.socket = null;
    this.up = false;
  }

  private read(data: Uint8Array): void {
    this.heardAt = this.options.clock.now();
    let messages: ToNode[];
    try {
      messages = decodeFrame<ToNode>(data);
    } catch (error) {
      this.giveUp(`unreadable words from the master: ${error}`);
      return;
    }
    for (const message of messages) {
      if (message.t === "beat") continue;
      if (message.t === "refuse") {
        this.refuse(refusal(message.code, message.message, message.hint));
        return;
      }
      if (message.t === "welcome") this.welcome(message);
      else if (this.up) this.options.ordered(message);
    }
  }

  private welcome(message: Welcome): void {
    this.up = true;
    this.failures = 0;
    this.leaseMs = message.leaseMs;
    this.outbox.opened();
    this.options.welcomed(message);
    this.beat();
  }

  /** Each third of the lease: a word from us, and a look whether there was one from the master. */
  private beat(): void {
    const { clock } = this.options;
    this.timer?.cancel();
    if (clock.now() - this.heardAt > this.leaseMs) {
      this.giveUp(`no word from the master for ${this.leaseMs / 1000} s`);
      return;
    }
    this.outbox.message({ t: "beat" });
    this.timer = clock.after(this.leaseMs / BEATS_PER_LEASE, () => this.beat());
  }

  private refuse(error: TitanError): void {
    this.closed = true;
    this.lost(error.message, error);
  }

  private giveUp(why: string): void {
    const socket = this.socket;
    this.lost(why, null);
    socket?.terminate();
  }

  private lost(why: string, fatal: TitanError | null): void {
    const { clock, log, random } = this.options;
    const wasUp = this.up;
    if (fatal !== null) this.socket?.close();
    this.socket = null;
    this.up = false;
    this.timer?.cancel();
    this.outbox.clear();
    if (wasUp) this.options.disconnected(this.heardAt);
    if (fatal !== null) {
      this.closed = true;
      this.options.refused(fatal);
    }
    if (this.closed) return;
    const waitMs = backoffMs(this.failures, random());
    // Said once for each outage; the tries after it are for those who look closer.
    if (this.failures === 0) log.warn({ why }, "the master is not reached; trying again");
    else log.debug({ why, failures: this.failures }, "the master is not reached");
    this.failures += 1;
    this.timer = clock.after(waitMs, () => this.connect());
  }
}
