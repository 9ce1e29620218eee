/** The parts of an agent that need no process, no file and no real time, for the simulator to put together. */
export type { Clock, Timer } from "./clock.ts";
export type { Socket, SocketEvents } from "./link/socket.ts";
export { silentLog } from "./log.ts";
export type { Folders, Leftover } from "./run/folders.ts";
export type { Launcher, LauncherEvent, LaunchOrder } from "./run/launcher.ts";
export type { LogSource } from "./stream/shipper.ts";
export type { Found, Watch } from "./stream/watch.ts";
export { type Wiring, wire } from "./wiring.ts";
