import { encodeFrame, type ToNode } from "@titan/protocol/link";
import type { LinkSocket } from "./socket.ts";

/** A frame is sent when it has about so much, so that it stays far below what the link allows. */
const FRAME_BYTES = 4 * 1024 * 1024;
/** What a message counts that holds no payload. */
const SMALL_BYTES = 128;

/**
 * Gathers messages and sends them as one frame when the current callback is through: a frame costs some 10 µs however
 * many messages it holds.
 */
export class Outbox {
  readonly #socket: LinkSocket;
  #messages: ToNode[] = [];
  #bytes = 0;

  constructor(socket: LinkSocket) {
    this.#socket = socket;
  }

  /** `bytes`: about how large the message is, where it may be large. */
  send(message: ToNode, bytes = SMALL_BYTES): void {
    if (this.#messages.length === 0) process.nextTick(() => this.flush());
    this.#messages.push(message);
    this.#bytes += bytes;
    if (this.#bytes > FRAME_BYTES) this.flush();
  }

  flush(): void {
    if (this.#messages.length === 0) return;
    const messages = this.#messages;
    this.#messages = [];
    this.#bytes = 0;
    if (this.#socket.isOpen()) this.#socket.send(encodeFrame(messages));
  }
}
