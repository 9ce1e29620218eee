/** Attempts, their logs and the link put together: all of an agent that needs no process, no file and no real time. */
import type { AttemptRef } from "@titan/core";
import type { TitanError } from "@titan/protocol";
import { type FromNode, LOG_CHUNK_BYTES, LOG_WINDOW_BYTES, type LogStream } from "@titan/protocol/link";
import { Link, type LinkOptions, type Order } from "./link/link.ts";
import { attemptKey } from "./run/attempt-key.ts";
import { Attempts, type AttemptsParts } from "./run/attempts.ts";
import { LogShipper } from "./stream/shipper.ts";

export interface WiringParts
  extends Omit<AttemptsParts, "shipper" | "tell">,
    Pick<LinkOptions, "dial" | "random" | "schedule"> {
  /** All that the node says of itself; its attempts are added. */
  readonly hello: () => Omit<FromNode & { t: "hello" }, "attempts" | "instance">;
  /** Of this process, unlike any other's: see the link's `hello`. */
  readonly instance: string;
  readonly welcomed: () => void;
  readonly disconnected?: () => void;
  readonly refused: (error: TitanError) => void;
  /** Whether new attempts are taken. */
  readonly isOpen: () => boolean;
}

export interface Wiring {
  readonly attempts: Attempts;
  readonly link: Link;
}

export function wire(parts: WiringParts): Wiring {
  const { clock, log } = parts;
  const shipper = new LogShipper({
    windowBytes: LOG_WINDOW_BYTES,
    chunkBytes: LOG_CHUNK_BYTES,
    now: clock.now,
    send: (message) => link.outbox.log(message),
    failed: (ref: AttemptRef, stream: LogStream, error) =>
      log.warn({ attempt: attemptKey(ref), stream, error: String(error) }, "cannot read a log"),
  });
  const attempts = new Attempts({ ...parts, shipper, tell: (report) => link.outbox.report(report) });
  const link: Link = new Link({
    clock,
    log,
    dial: parts.dial,
    random: parts.random,
    schedule: parts.schedule,
    hello: () => ({ ...parts.hello(), instance: parts.instance, attempts: attempts.reports() }),
    welcomed: (welcome) => {
      attempts.welcomed(welcome.attempts);
      parts.welcomed();
    },
    ordered: (order) => obey(attempts, order, parts.isOpen()),
    disconnected: (since) => {
      attempts.disconnected(since);
      parts.disconnected?.();
    },
    refused: parts.refused,
  });
  return { attempts, link };
}

function obey(attempts: Attempts, order: Order, isOpen: boolean): void {
  const key = attemptKey(order);
  if (order.t === "start") {
    // A node that is going away takes nothing new; the master sends it elsewhere once the link is closed.
    if (isOpen) attempts.start(order);
  } else if (order.t === "stop") attempts.stop(key, order.cause, order.graceMs);
  else if (order.t === "logged") attempts.acknowledged(key, order.stream, order.offset);
  else attempts.forget(key);
}
