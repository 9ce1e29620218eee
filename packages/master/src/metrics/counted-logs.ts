import type { AttemptRef, LogBytes } from "@titan/core";
import { LogStore } from "../logs/log-store.ts";

/** A log store that knows how many bytes were sent to it. */
export class CountedLogs extends LogStore {
  bytes = 0;

  override append(ref: AttemptRef, piece: Parameters<LogStore["append"]>[1]): Promise<LogBytes> {
    this.bytes += piece.data.length;
    return super.append(ref, piece);
  }
}
