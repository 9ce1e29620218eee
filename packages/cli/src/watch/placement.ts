/** Says why a job still waits, at each change, and where it went. */
import type { JobDetail } from "@titan/protocol";
import type { TitanClient } from "@titan/sdk";

export interface PlacementEvents {
  readonly waiting: (job: JobDetail) => void;
  readonly placed: (job: JobDetail, waited: boolean) => void;
}

/** A job that is placed sooner is not talked about. */
const QUIET_MS = 300;
const SLOWEST_MS = 1_000;

/**
 * Looks at the job until it runs or has ended; ends early with the signal. Looks often at first, for a person is
 * watching, then once a second: reasons change with every placement in the cluster, and nothing announces them.
 */
export async function watchPlacement(
  client: TitanClient,
  id: string,
  events: PlacementEvents,
  signal: AbortSignal,
): Promise<void> {
  let pauseMs = QUIET_MS;
  let said = "";
  while (!signal.aborted) {
    if (!(await pause(pauseMs, signal))) return;
    const job = await client.job(id, { signal });
    if (job.state === "running") return events.placed(job, said !== "");
    if (job.state !== "waiting") return;
    if (job.reason !== said) events.waiting(job);
    said = job.reason;
    pauseMs = Math.min(pauseMs * 1.3, SLOWEST_MS);
  }
}

/** False where the signal came first. */
function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const stop = () => {
      clearTimeout(timer);
      resolve(false);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve(true);
    }, ms);
    signal.addEventListener("abort", stop, { once: true });
  });
}
