import type { LogStore } from "./log-store.ts";

/** What the node link needs of the logs: to add to them, and to know what is there. */
export type LogKeeper = Pick<LogStore, "append" | "held">;
