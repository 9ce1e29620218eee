// Light on purpose: the command line loads this at every start, so schemas (typebox) and the link (msgpackr) are apart.
export * from "./errors.ts";
export type * from "./http.ts";
export type * from "./payload.ts";
export { API_PREFIX, DEFAULT_PORT, VERSION } from "./version.ts";
