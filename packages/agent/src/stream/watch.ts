/** Tells when something is written in an attempt's folder. */
import { type FSWatcher, watch } from "node:fs";

export interface Watch {
  close(): void;
}

/** What a look at the files came to: new bytes, bytes that cannot go out now, or no news. */
export type Found = "some" | "blocked" | "none";

/** Calls `look` soon after something in `dir` was written, and at once when it begins. */
export type WatchFolder = (dir: string, look: () => Found) => Watch;

/**
 * After a write the folder is looked at again after this time, without a watch in between: the events of a job that
 * prints a million lines cost it and the agent 2.4 µs each, and its output then goes out in few large pieces.
 */
const REST_MS = 3;
/** The same while the master takes no more. */
const BLOCKED_MS = 50;
/** Where the system has no watch left to give (inotify's limit per user), the folder is looked at this often. */
const POLL_MS = 100;

/** By the system's own events (inotify); a job that prints nothing costs nothing. */
export const watchFolder: WatchFolder = (dir, look) => {
  let watcher: FSWatcher | null = null;
  let timer: NodeJS.Timeout | undefined;
  const unwatch = (): void => {
    watcher?.close();
    watcher = null;
  };
  const lookLater = (ms: number): void => {
    clearTimeout(timer);
    timer = setTimeout(lookNow, ms);
  };
  const lookNow = (): void => {
    const found = look();
    if (found === "none") {
      if (watcher === null) settle();
      return;
    }
    unwatch();
    lookLater(found === "some" ? REST_MS : BLOCKED_MS);
  };
  /** Watches again, and looks once more: what was written just before the watch began told nobody. */
  const settle = (): void => {
    try {
      watcher = watch(dir, { persistent: false }, lookNow);
      watcher.on("error", () => {
        unwatch();
        lookLater(POLL_MS);
      });
      lookNow();
    } catch {
      lookLater(POLL_MS);
    }
  };
  lookNow();
  return {
    close() {
      clearTimeout(timer);
      unwatch();
    },
  };
};
