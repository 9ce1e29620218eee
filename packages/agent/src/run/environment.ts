/** The environment of a job: what differs from the launcher's own. */
import type { Device } from "@titan/core";
import type { StartOrder } from "@titan/protocol/link";

export interface Place {
  readonly node: string;
  readonly url: string;
  readonly cwd: string;
  readonly codeDir: string;
}

/** The agent's environment as jobs may see it: without the key to the master, and that to its store. */
export function baseEnvironment(env: NodeJS.ProcessEnv): Record<string, string> {
  const entries = Object.entries(env).filter(
    ([name, value]) => value !== undefined && !name.startsWith("TITAN_TOKEN") && name !== "TITAN_STORE",
  );
  return Object.fromEntries(entries as [string, string][]);
}

/** Titan's variables, then the payload's, which win. */
export function jobEnvironment(order: StartOrder, place: Place): Record<string, string> {
  return {
    TITAN_JOB_ID: order.jobId,
    TITAN_ATTEMPT: String(order.number),
    TITAN_NODE: place.node,
    TITAN_URL: place.url,
    TITAN_RUN_DIR: place.cwd,
    TITAN_CODE_DIR: place.codeDir,
    ...(order.runId === null ? {} : { TITAN_RUN_ID: order.runId }),
    PYTHONUNBUFFERED: "1",
    ...deviceEnvironment(order.devices),
    ...order.payload.env,
  };
}

/**
 * A job sees exactly the devices that it holds. AMD's two layers nest: ROCR_VISIBLE_DEVICES picks the devices, and
 * HIP then counts those from 0, so the same numbers in both would show nothing as soon as one of them is not 0.
 */
function deviceEnvironment(devices: readonly Device[]): Record<string, string> {
  const indexes = devices.map((device) => device.index).join(",");
  if (devices.length > 0 && devices.every((device) => device.vendor === "amd")) {
    const counted = devices.map((_, at) => at).join(",");
    // HIP reads CUDA_VISIBLE_DEVICES too: it must say the same.
    return { ROCR_VISIBLE_DEVICES: indexes, HIP_VISIBLE_DEVICES: counted, CUDA_VISIBLE_DEVICES: counted };
  }
  return {
    CUDA_VISIBLE_DEVICES: indexes,
    HIP_VISIBLE_DEVICES: indexes,
    ROCR_VISIBLE_DEVICES: indexes,
    // CUDA numbers the fastest device first unless told to number as nvidia-smi does.
    ...(devices.length > 0 ? { CUDA_DEVICE_ORDER: "PCI_BUS_ID" } : {}),
  };
}
