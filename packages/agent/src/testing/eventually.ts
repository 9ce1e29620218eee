/** For what no event tells of: looked at again and again, with an end. */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";

/** Far above what a loaded machine needs, far below the test runner's own limit. */
const DEADLINE_MS = 30_000;
/** Long enough to leave the processor to what is waited for. */
const LOOK_MS = 2;

/** Resolves once `is` holds; fails after 30 s with `what` was waited for. */
export async function eventually(what: string, is: () => boolean): Promise<void> {
  const until = performance.now() + DEADLINE_MS;
  while (!is()) {
    assert.ok(performance.now() < until, `not within ${DEADLINE_MS / 1000} s: ${what}`);
    await pause(LOOK_MS);
  }
}
