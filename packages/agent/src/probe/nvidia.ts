/** NVIDIA devices: what nvidia-smi says, and what speaks for a device that it does not name. */
import type { Device } from "@titan/core";
import type { Evidence, Look } from "./look.ts";

export interface Found {
  readonly devices: readonly Device[];
  readonly evidence: readonly Evidence[];
  readonly warnings: readonly string[];
}

const QUERY = ["--query-gpu=index,uuid,name,memory.total", "--format=csv,noheader,nounits"];

/** Lines such as `0, GPU-5f…, NVIDIA A100-SXM4-80GB, 81920`; lines of another shape are left out. */
export function parseNvidiaSmi(text: string): Device[] {
  const devices: Device[] = [];
  for (const line of text.split("\n")) {
    const fields = line.split(",").map((field) => field.trim());
    const [index, uuid, ...rest] = fields;
    const mebibytes = rest.pop();
    const model = rest.join(", ");
    if (!/^\d+$/.test(index ?? "") || model === "") continue;
    // `[N/A]` on machines where the device shares the system's memory.
    const memoryBytes = /^\d+$/.test(mebibytes ?? "") ? Number(mebibytes) * 1024 ** 2 : 0;
    devices.push({
      index: Number(index),
      vendor: "nvidia",
      model,
      memoryBytes,
      uuid: uuid?.startsWith("GPU-") ? uuid : null,
    });
  }
  return devices;
}

export async function probeNvidia(look: Look): Promise<Found> {
  const answer = await look.run("nvidia-smi", QUERY);
  const devices = answer.ok ? parseNvidiaSmi(answer.stdout) : [];
  const drivers = await look.list("/proc/driver/nvidia/gpus");
  const nodes = ((await look.list("/dev")) ?? []).filter((name) => /^nvidia\d+$/.test(name));
  const evidence: Evidence[] = [
    { about: "gpu", looked: "nvidia-smi", found: answer.ok ? count(devices.length) : answer.why },
    {
      about: "gpu",
      looked: "/proc/driver/nvidia",
      found: drivers === null ? "not found" : `${count(drivers.length)}: the driver is loaded`,
    },
    {
      about: "gpu",
      looked: "/dev/nvidia*",
      found: nodes.length === 0 ? "not found" : nodes.map((name) => `/dev/${name}`).join(" "),
    },
  ];
  return {
    devices,
    evidence,
    warnings: mismatches(devices.length, answer.ok ? "" : answer.why, drivers?.length ?? 0, nodes.length),
  };
}

function mismatches(usable: number, why: string, drivers: number, nodes: number): string[] {
  if (usable > 0) return [];
  if (drivers > 0 && nodes === 0) {
    return [
      `the driver has ${count(drivers)} of NVIDIA, but none is in /dev: in a container? start it with --gpus all`,
    ];
  }
  if (drivers > 0 || nodes > 0) {
    const reason = why === "" ? "nvidia-smi lists none" : `nvidia-smi: ${why}`;
    return [
      `there are signs of ${count(Math.max(drivers, nodes))} of NVIDIA, but ${reason}; to offer them anyway: --gpus ${Math.max(drivers, nodes)}`,
    ];
  }
  return [];
}

export function count(devices: number): string {
  return devices === 1 ? "1 device" : `${devices} devices`;
}
