export { type Agent, type AgentOptions, startAgent } from "./agent.ts";
export { runAgent } from "./foreground.ts";
export { defaultName } from "./identity/identity.ts";
export type { Log } from "./log.ts";
export type { Evidence } from "./probe/look.ts";
export { type NodeSpec, type Overrides, parseLabel, parseMemory, parseNodeSpec } from "./probe/overrides.ts";
export { type Probe, probe } from "./probe/probe.ts";
