/** What the client needs of Node: where the master is, a transport, base64. A browser build replaces this file. */
import { randomUUID } from "node:crypto";

export { discover } from "./discovery.ts";
export { httpTransport as defaultTransport } from "./http-transport.ts";

export function decodeBase64(text: string): Uint8Array {
  return Buffer.from(text, "base64");
}

/** A value that nobody else makes: idempotency keys, ids of runs. */
export function randomKey(): string {
  return randomUUID();
}
