/** What this machine has to offer, and how that was found out. */
import { availableParallelism, cpus, totalmem } from "node:os";
import type { Capacity } from "@titan/core";
import { probeAmd } from "./amd.ts";
import { type Machine, probeLimits } from "./limits.ts";
import { type Evidence, type Look, systemLook } from "./look.ts";
import { probeNvidia } from "./nvidia.ts";
import { applyOverrides, type Overrides } from "./overrides.ts";
import { visibleDevices } from "./visible.ts";

export interface Probe {
  /** What a node here would offer, the operator's word included. */
  readonly capacity: Capacity;
  /** What was found, whatever the operator says. */
  readonly found: Capacity;
  readonly evidence: readonly Evidence[];
  readonly warnings: readonly string[];
}

export interface ProbeParts {
  readonly look: Look;
  readonly machine: Machine;
  readonly env: NodeJS.ProcessEnv;
}

/** Looks at the machine. Never throws: what cannot be seen is said in the evidence. */
export async function probe(overrides: Overrides = {}, parts: ProbeParts = systemParts()): Promise<Probe> {
  const limits = await probeLimits(parts.look, parts.machine);
  const graphics = overrides.pretend
    ? { devices: [], evidence: [], warnings: [] }
    : await probeDevices(parts);
  const found = { cpuMillis: limits.cpuMillis, memoryBytes: limits.memoryBytes, devices: graphics.devices };
  const capacity = applyOverrides(found, overrides);
  const declared = capacity.devices.filter((device) => device.vendor === "declared").length;
  const said: Evidence[] = [];
  if (overrides.cpus !== undefined)
    said.push({ about: "cpu", looked: "declared", found: `${overrides.cpus}` });
  if (overrides.memoryBytes !== undefined)
    said.push({ about: "memory", looked: "declared", found: `${overrides.memoryBytes} bytes` });
  if (declared > 0) said.push({ about: "gpu", looked: "declared", found: `${declared}` });
  return {
    capacity,
    found,
    evidence: [...limits.evidence, ...graphics.evidence, ...said],
    warnings: graphics.warnings,
  };
}

async function probeDevices(parts: ProbeParts) {
  const [nvidia, amd] = await Promise.all([probeNvidia(parts.look), probeAmd(parts.look)]);
  const evidence: Evidence[] = [...nvidia.evidence, ...amd.evidence];
  const warnings = [...nvidia.warnings, ...amd.warnings];
  const { devices: visible, notes } = visibleDevices([...nvidia.devices, ...amd.devices], parts.env);
  for (const note of notes) evidence.push({ about: "gpu", looked: "environment of the agent", found: note });
  const ofNvidia = visible.filter((device) => device.vendor === "nvidia");
  const ofAmd = visible.filter((device) => device.vendor === "amd");
  // Both count from 0, and a job is shown one list of numbers: a node offers the devices of one vendor.
  if (ofNvidia.length > 0 && ofAmd.length > 0) {
    const devices = ofNvidia.length >= ofAmd.length ? ofNvidia : ofAmd;
    warnings.push(`devices of two vendors: only the ${devices.length} of ${devices[0]?.vendor} are offered`);
    return { devices, evidence, warnings };
  }
  return { devices: visible, evidence, warnings };
}

function systemParts(): ProbeParts {
  const machine = { cpus: cpus().length || 1, allowedCpus: availableParallelism(), memoryBytes: totalmem() };
  return { look: systemLook, machine, env: process.env };
}
