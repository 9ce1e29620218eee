/** What waits to be sent, gathered over one turn of the event loop. */
import type { Report } from "@titan/core";
import { encodeFrame, type FromNode } from "@titan/protocol/link";

/** A frame is closed at about this size, so that encoding never needs one huge buffer. */
const FRAME_BYTES = 256 * 1024;
/** A piece of a log this large is a frame by itself and goes out at once: no copy of it has to wait for the others. */
const LARGE_BYTES = 16 * 1024;
/**
 * A start is told this much later than an end: most short jobs have ended by then, and the master then decides and
 * commits once for them, not twice.
 */
const START_WAIT_MS = 5;

export class Outbox {
  private readonly send: (frame: Uint8Array) => void;
  private readonly schedule: (flush: () => void, waitMs: number) => void;
  /** Only the latest state of each attempt: one that started and ended in one turn is one report. */
  private readonly reports = new Map<string, Report>();
  private messages: FromNode[] = [];
  private bytes = 0;
  private open = false;
  private scheduled = false;
  private waiting = false;

  /** `schedule` runs its argument after a time, with 0 at the end of this turn. */
  constructor(send: (frame: Uint8Array) => void, schedule: (flush: () => void, waitMs: number) => void) {
    this.send = send;
    this.schedule = schedule;
  }

  /** Reports wait here while the link is down; `hello` says all that they would, so it clears them. */
  clear(): void {
    this.reports.clear();
    this.messages = [];
    this.bytes = 0;
    this.open = false;
  }

  opened(): void {
    this.open = true;
    if (this.reports.size > 0) this.wake();
  }

  report(report: Report): void {
    this.reports.set(`${report.jobId}.${report.number}`, report);
    if (report.state === "exited") this.wake();
    else this.wakeSoon();
  }

  message(message: FromNode): void {
    if (!this.open) return;
    this.messages.push(message);
    this.wake();
  }

  /** `data` may be overwritten by its owner as soon as this returns. */
  log(message: FromNode & { t: "log" }): void {
    if (!this.open) return;
    const { data } = message;
    if (data.length >= LARGE_BYTES) {
      this.messages.push(message);
      this.flushMessages();
      return;
    }
    this.messages.push({ ...message, data: Buffer.from(data) });
    this.bytes += data.length;
    if (this.bytes >= FRAME_BYTES) this.flushMessages();
    this.wake();
  }

  /** Logs first: a report of an end then comes with the last bytes of its log before it. */
  flush(): void {
    if (!this.open) return;
    for (const report of this.reports.values()) this.messages.push({ t: "report", report });
    this.reports.clear();
    this.flushMessages();
  }

  private flushMessages(): void {
    const { messages } = this;
    if (messages.length === 0) return;
    this.messages = [];
    this.bytes = 0;
    this.send(encodeFrame(messages));
  }

  private wake(): void {
    if (this.scheduled || !this.open) return;
    this.scheduled = true;
    this.schedule(() => {
      this.scheduled = false;
      this.flush();
    }, 0);
  }

  private wakeSoon(): void {
    if (this.waiting || !this.open) return;
    this.waiting = true;
    this.schedule(() => {
      this.waiting = false;
      this.flush();
    }, START_WAIT_MS);
  }
}
