import type { Clock } from "../clock.ts";
import type { Launcher, LauncherEvent } from "./launcher.ts";

/** Starts nothing: every job has ended with code 0 at once. Measures all of Titan but the processes. */
export function noopLauncher(clock: Clock, heard: (event: LauncherEvent) => void): Launcher {
  return {
    start({ id }) {
      const at = clock.now();
      heard({ ev: "started", id, pid: 0, at });
      heard({ ev: "exited", id, code: 0, signal: null, at, max_rss: 0, cpu_ms: 0, stdout: 0, stderr: 0 });
    },
    kill() {},
    async close() {},
  };
}
