/** The log of one attempt as it lies on disk, and Titan's own lines, which are few and stay in memory. */
import { closeSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import type { LogStream } from "@titan/protocol/link";
import type { LogSource } from "./shipper.ts";

/**
 * Reads are synchronous: what is read was written a moment ago and lies in the page cache, where 128 KiB take
 * about 30 µs; through the thread pool the same read takes longer and three turns of the event loop.
 */
export class FileSource implements LogSource {
  private readonly dir: string;
  private readonly lines: () => Uint8Array;
  private readonly fds = new Map<LogStream, number>();

  /** `lines`: all of Titan's own lines so far. */
  constructor(dir: string, lines: () => Uint8Array) {
    this.dir = dir;
    this.lines = lines;
  }

  read(stream: LogStream, offset: number, into: Uint8Array): number {
    if (stream === "titan") {
      const piece = this.lines().subarray(offset, offset + into.length);
      into.set(piece);
      return piece.length;
    }
    let fd = this.fds.get(stream);
    if (fd === undefined) {
      try {
        fd = openSync(join(this.dir, stream), "r");
      } catch (error) {
        // Not there before the launcher has opened it.
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0;
        throw error;
      }
      this.fds.set(stream, fd);
    }
    return readSync(fd, into, 0, into.length, offset);
  }

  close(): void {
    for (const fd of this.fds.values()) closeSync(fd);
    this.fds.clear();
  }
}
