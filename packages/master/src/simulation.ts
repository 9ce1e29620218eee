/** The parts of a master that need no socket, no disk and no real time, for the simulator to put together. */
export type { Clock, Timer } from "./engine/clock.ts";
export { Engine, type EngineOptions } from "./engine/engine.ts";
export { ENGINE_SETTINGS, type EngineSettings } from "./engine/settings.ts";
export { type LinkEvents, NodeLink } from "./link/node-link.ts";
export type { LinkSocket } from "./link/socket.ts";
export type { LogKeeper } from "./logs/log-keeper.ts";
