/**
 * The node link: one WebSocket, opened by the agent, at `LINK_PATH`, with the token in the Authorization header.
 * A WebSocket message is a msgpack array of the messages below, in order: whatever gathered in one turn of the
 * event loop goes out as one frame. Every message may be lost with the connection; on reconnect `hello` and
 * `welcome` bring both sides to the same state, and everything after may be sent again.
 */
import type { Capacity, Cause, Device, Labels, LogBytes, Report } from "@titan/core";
import { Packr } from "msgpackr";
import type { JobPayload } from "./payload.ts";

export const LINK_PATH = "/api/v1/link";
/** Oldest and newest version of the link that this build speaks. */
export const LINK_VERSIONS = { oldest: 1, newest: 1 } as const;

export type LogStream = keyof LogBytes;

export type FromNode =
  | {
      readonly t: "hello";
      readonly oldest: number;
      readonly newest: number;
      readonly version: string;
      readonly id: string;
      readonly name: string;
      readonly bootId: string;
      /** Of the agent's process, at random: a second connection of the same one takes the place of the first. */
      readonly instance?: string;
      readonly capacity: Capacity;
      readonly labels: Labels;
      readonly about: Readonly<Record<string, string>>;
      /** Every attempt that the node still knows, ended ones too until the master says `forget`. */
      readonly attempts: readonly Report[];
    }
  | { readonly t: "beat" }
  | { readonly t: "report"; readonly report: Report }
  /** Bytes of one stream of one attempt, at that stream's own offset. Sent again from the last `logged` on reconnect. */
  | {
      readonly t: "log";
      readonly jobId: string;
      readonly number: number;
      readonly stream: LogStream;
      readonly offset: number;
      readonly at: number;
      readonly data: Uint8Array;
    };

export type ToNode =
  /** `attempts` are those that the master wants on this node; any other that the node has, it ends and forgets. */
  | { readonly t: "welcome"; readonly leaseMs: number; readonly attempts: readonly Wanted[] }
  | { readonly t: "refuse"; readonly code: string; readonly message: string; readonly hint: string }
  | { readonly t: "beat" }
  | ({ readonly t: "start" } & StartOrder)
  | {
      readonly t: "stop";
      readonly jobId: string;
      readonly number: number;
      readonly cause: Cause;
      readonly graceMs: number;
    }
  /** The master holds this stream up to `offset`. */
  | {
      readonly t: "logged";
      readonly jobId: string;
      readonly number: number;
      readonly stream: LogStream;
      readonly offset: number;
    }
  /** The end of the attempt is committed: the node may delete what it has of it. */
  | { readonly t: "forget"; readonly jobId: string; readonly number: number };

export interface Wanted {
  readonly jobId: string;
  readonly number: number;
  /** What the master holds of its log. */
  readonly logged: LogBytes;
}

export interface StartOrder {
  readonly jobId: string;
  readonly number: number;
  readonly name: string;
  readonly runId: string | null;
  readonly devices: readonly Device[];
  readonly timeoutMs: number | null;
  readonly graceMs: number;
  /** Without a word from the master for this long the node ends the attempt: the master may start another then. */
  readonly lostAfterMs: number;
  /** Lines for the `titan` stream of the attempt's log, before anything that the job prints. */
  readonly notes: readonly string[];
  readonly payload: JobPayload;
}

/** Unacknowledged log bytes that a node may have in flight over all its attempts. */
export const LOG_WINDOW_BYTES = 4 * 1024 * 1024;
/** Largest piece of a log in one message. */
export const LOG_CHUNK_BYTES = 128 * 1024;
/** A frame larger than this closes the link: nothing that either side sends comes near it. */
export const FRAME_BYTES_MAX = 32 * 1024 * 1024;

const packr = new Packr({ useRecords: false, int64AsType: "number" });

export function encodeFrame(messages: readonly (FromNode | ToNode)[]): Uint8Array {
  return packr.pack(messages);
}

/** Throws on anything that is not a msgpack array of objects with a `t`. */
export function decodeFrame<T extends FromNode | ToNode>(data: Uint8Array): T[] {
  const frame: unknown = packr.unpack(data);
  if (
    !Array.isArray(frame) ||
    !frame.every((m) => typeof m === "object" && m !== null && typeof m.t === "string")
  ) {
    throw new TypeError("not a frame of the node link");
  }
  return frame as T[];
}
