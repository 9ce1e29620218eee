/** What the agent itself is allowed to see of the devices, when a container or a batch system limits it. */
import type { Device } from "@titan/core";

export interface Visible {
  readonly devices: readonly Device[];
  /** One line for each variable that took devices away. */
  readonly notes: readonly string[];
}

/** Only what the environment leaves: variables that are not set change nothing. */
export function visibleDevices(devices: readonly Device[], env: NodeJS.ProcessEnv): Visible {
  const notes: string[] = [];
  let left = devices;
  const limit = (
    name: string,
    vendor: Device["vendor"],
    select: (value: string, own: readonly Device[]) => readonly Device[],
  ): void => {
    const value = env[name];
    const own = left.filter((device) => device.vendor === vendor);
    if (value === undefined || own.length === 0) return;
    const kept = new Set(select(value.trim(), own));
    if (kept.size === own.length) return;
    left = left.filter((device) => device.vendor !== vendor || kept.has(device));
    notes.push(`${name}=${value} leaves ${kept.size} of ${own.length}`);
  };
  limit("NVIDIA_VISIBLE_DEVICES", "nvidia", containerChoice);
  limit("CUDA_VISIBLE_DEVICES", "nvidia", listed);
  limit("ROCR_VISIBLE_DEVICES", "amd", listed);
  limit("HIP_VISIBLE_DEVICES", "amd", listed);
  return { devices: left, notes };
}

/** Indexes or starts of ids; CUDA takes what comes before the first that it does not know. */
function listed(value: string, own: readonly Device[]): Device[] {
  const chosen: Device[] = [];
  for (const word of value.split(",").map((each) => each.trim())) {
    const device = own.find(
      (each) => String(each.index) === word || (word.length > 3 && each.uuid?.startsWith(word)),
    );
    if (device === undefined) break;
    chosen.push(device);
  }
  return chosen;
}

/**
 * The container runtime has already taken this variable into account, and what is left counts from 0 again: then
 * the numbers in it mean nothing here. Only where more is seen than it names, nobody has.
 */
function containerChoice(value: string, own: readonly Device[]): readonly Device[] {
  if (value === "none" || value === "void" || value === "") return value === "" ? own : [];
  if (value === "all") return own;
  const words = value.split(",").map((each) => each.trim());
  return own.length <= words.length ? own : listed(value, own);
}
