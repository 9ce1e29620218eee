/** Waits of tests, each with an end: a test that hangs says nothing. */
import { setTimeout as pause } from "node:timers/promises";

/** Far above what a loaded machine needs, far below the test runner's own limit. */
const DEADLINE_MS = 30_000;

/** The promise, or after 30 s a failure that says `what` was waited for. */
export async function within<T>(what: string, promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const fail = () => reject(new Error(`not within ${DEADLINE_MS / 1000} s: ${what}`));
  const timer = setTimeout(fail, DEADLINE_MS);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves once `is` holds, for what no event tells of; looked at again and again for 30 s. */
export async function eventually(what: string, is: () => boolean): Promise<void> {
  const stop = new AbortController();
  const look = async () => {
    while (!is() && !stop.signal.aborted) await pause(2);
  };
  try {
    await within(what, look());
  } finally {
    stop.abort();
  }
}
