/**
 * Sends the logs of all attempts to the master: exact, in order, each stream from what the master last
 * acknowledged, never more than the window unacknowledged. What is not yet sent stays in the attempt's files, so
 * memory holds at most the window, however much the jobs print.
 */
import type { AttemptRef, LogBytes } from "@titan/core";
import type { FromNode, LogStream } from "@titan/protocol/link";
import type { Found } from "./watch.ts";

/** Where the bytes of one attempt are. */
export interface LogSource {
  /** Reads at `offset` into `into`; answers how many bytes there were. Throws as file reads do. */
  read(stream: LogStream, offset: number, into: Uint8Array): number;
  /** Gives back open files; a later read opens them again. */
  close(): void;
}

export interface ShipperOptions {
  readonly windowBytes: number;
  readonly chunkBytes: number;
  readonly now: () => number;
  /** Must be done with `data` when it returns. */
  readonly send: (message: FromNode & { t: "log" }) => void;
  readonly failed: (ref: AttemptRef, stream: LogStream, error: unknown) => void;
}

interface Cursor {
  readonly stream: LogStream;
  sent: number;
  acked: number;
  /** Known once the attempt has ended: nothing is read beyond it. */
  total: number | null;
}

interface Shipment {
  readonly ref: AttemptRef;
  readonly source: LogSource;
  readonly cursors: readonly Cursor[];
  /** In the queue of those that may have something to send. */
  queued: boolean;
  /** Sent so far. */
  pieces: number;
}

const STREAMS: readonly LogStream[] = ["titan", "stdout", "stderr"];

export class LogShipper {
  private readonly options: ShipperOptions;
  private readonly shipments = new Map<string, Shipment>();
  private readonly queue: Shipment[] = [];
  /** Every chunk is read here and encoded from here: nothing is allocated for the bytes of a log. */
  private readonly scratch: Buffer;
  private unacked = 0;
  private open = false;

  constructor(options: ShipperOptions) {
    this.options = options;
    this.scratch = Buffer.allocUnsafeSlow(options.chunkBytes);
  }

  track(key: string, ref: AttemptRef, source: LogSource): void {
    const cursors = STREAMS.map((stream) => ({ stream, sent: 0, acked: 0, total: null }));
    this.shipments.set(key, { ref, source, cursors, queued: false, pieces: 0 });
  }

  /** There may be new bytes; answers what was found. */
  touch(key: string): Found {
    const shipment = this.shipments.get(key);
    if (shipment === undefined) return "none";
    const before = shipment.pieces;
    this.enqueue(shipment);
    this.pump();
    if (shipment.pieces > before) return "some";
    return shipment.queued ? "blocked" : "none";
  }

  /** Bytes sent so far: a file that its job cut short since must not make the log's end unreachable. */
  sent(key: string): LogBytes {
    const sent = { stdout: 0, stderr: 0, titan: 0 };
    for (const cursor of this.shipments.get(key)?.cursors ?? []) sent[cursor.stream] = cursor.sent;
    return sent;
  }

  /** The attempt has ended with these totals: sends what is left, as far as the window allows. */
  finish(key: string, totals: LogBytes): void {
    const shipment = this.shipments.get(key);
    if (shipment === undefined) return;
    for (const cursor of shipment.cursors) cursor.total = totals[cursor.stream];
    this.enqueue(shipment);
    this.pump();
  }

  /** The master holds the stream up to `offset`. */
  acknowledged(key: string, stream: LogStream, offset: number): void {
    const cursor = this.shipments.get(key)?.cursors.find((each) => each.stream === stream);
    // Beyond `sent` only a master at fault could be; behind `acked` it is a repetition.
    if (cursor === undefined || offset <= cursor.acked || offset > cursor.sent) return;
    this.unacked -= offset - cursor.acked;
    cursor.acked = offset;
    this.pump();
  }

  /** The link is gone; `resume` says from where to go on. */
  disconnected(): void {
    this.open = false;
    this.unacked = 0;
    for (const { cursors } of this.shipments.values()) {
      for (const cursor of cursors) cursor.sent = cursor.acked;
    }
  }

  /** The link is there again; `held` is what the master has of each attempt's log. */
  resume(held: ReadonlyMap<string, LogBytes>): void {
    this.open = true;
    this.unacked = 0;
    for (const [key, shipment] of this.shipments) {
      for (const cursor of shipment.cursors) {
        cursor.acked = held.get(key)?.[cursor.stream] ?? 0;
        cursor.sent = cursor.acked;
      }
      this.enqueue(shipment);
    }
    this.pump();
  }

  drop(key: string): void {
    const shipment = this.shipments.get(key);
    if (shipment === undefined) return;
    this.shipments.delete(key);
    for (const { sent, acked } of shipment.cursors) this.unacked -= sent - acked;
    shipment.source.close();
    if (shipment.queued) this.queue.splice(this.queue.indexOf(shipment), 1);
    this.pump();
  }

  /** Whether the master holds every byte of every attempt that has ended. */
  isEmpty(): boolean {
    return [...this.shipments.values()].every(({ cursors }) =>
      cursors.every((c) => c.total === null || c.acked >= c.total),
    );
  }

  private enqueue(shipment: Shipment): void {
    if (shipment.queued) return;
    shipment.queued = true;
    this.queue.push(shipment);
  }

  /** One chunk of one attempt at a time, in turn, so that one flooding job does not hold up the others. */
  private pump(): void {
    if (!this.open) return;
    while (this.queue.length > 0 && this.unacked < this.options.windowBytes) {
      const shipment = this.queue.shift() as Shipment;
      shipment.queued = false;
      const more = this.sendOf(shipment);
      if (more) this.enqueue(shipment);
      // Done for good, or quiet for now: a quiet attempt keeps its files open only while it lives.
      else if (shipment.cursors.every((cursor) => cursor.total !== null)) shipment.source.close();
    }
  }

  /** Sends at most one chunk of each stream. False when there was nothing to send. */
  private sendOf(shipment: Shipment): boolean {
    let some = false;
    for (const cursor of shipment.cursors) {
      const room = this.options.windowBytes - this.unacked;
      if (room <= 0) return true;
      const data = this.readAt(shipment, cursor, room);
      if (data === null) continue;
      some = true;
      const { jobId, number } = shipment.ref;
      const { stream, sent: offset } = cursor;
      cursor.sent += data.length;
      shipment.pieces += 1;
      this.unacked += data.length;
      this.options.send({ t: "log", jobId, number, stream, offset, at: this.options.now(), data });
    }
    return some;
  }

  private readAt(shipment: Shipment, cursor: Cursor, room: number): Uint8Array | null {
    const left = cursor.total === null ? Number.POSITIVE_INFINITY : cursor.total - cursor.sent;
    const want = Math.min(left, room, this.options.chunkBytes);
    if (want <= 0) return null;
    let got = 0;
    try {
      got = shipment.source.read(cursor.stream, cursor.sent, this.scratch.subarray(0, want));
    } catch (error) {
      this.options.failed(shipment.ref, cursor.stream, error);
    }
    if (got > 0) return this.scratch.subarray(0, got);
    // Announced and not there: the job cut its own output short, or the disk failed. The log must still come to
    // its end, so the hole is filled with zero bytes.
    return cursor.total === null ? null : Buffer.alloc(want);
  }
}
