export { type Master, type MasterOptions, startMaster } from "./server.ts";
export { isLoopback } from "./startup/port.ts";
