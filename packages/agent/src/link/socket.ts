/** One WebSocket to the master, behind an interface so that a simulator can bring its own network. */
import { ERRORS, type ErrorCode, TitanError } from "@titan/protocol";
import { FRAME_BYTES_MAX, LINK_PATH } from "@titan/protocol/link";
import { WebSocket } from "ws";

export interface Socket {
  send(frame: Uint8Array): void;
  /** Closes it in order; `lost` is still called. */
  close(): void;
  /** Drops it at once. */
  terminate(): void;
}

export interface SocketEvents {
  open(): void;
  frame(data: Uint8Array): void;
  /** The end of it, once, whatever happened before. `fatal` when trying again cannot help. */
  lost(why: string, fatal: TitanError | null): void;
}

export type Dial = (events: SocketEvents) => Socket;

const HANDSHAKE_MS = 10_000;
/**
 * For the master's half of the close; one that hangs must not keep this process for the 30 s that ws would wait. An
 * object, because the types of ws do not know the option yet.
 */
const CLOSE = { closeTimeout: 1_000 };

/** Dials the master at `url` (http or https) with its token. */
export function webSocketDial(url: string, token: string): Dial {
  const address = new URL(LINK_PATH, url.endsWith("/") ? url : `${url}/`);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  return (events) => {
    const socket = new WebSocket(address, {
      headers: { authorization: `Bearer ${token}` },
      perMessageDeflate: false,
      maxPayload: FRAME_BYTES_MAX,
      handshakeTimeout: HANDSHAKE_MS,
      ...CLOSE,
      // Masks guard proxies against scripts of hostile web pages; we are none. A mask of zeros lets ws skip a pass
      // over every byte of every log.
      generateMask: (mask) => mask.fill(0),
    });
    let why = "the connection was closed";
    let fatal: TitanError | null = null;
    socket.binaryType = "nodebuffer";
    socket.on("open", () => events.open());
    socket.on("message", (data) => events.frame(data as Buffer));
    socket.on("unexpected-response", (request, response) => {
      const status = response.statusCode ?? 0;
      why = `${address.host} answered ${status} in place of the node link`;
      if (status === ERRORS.unauthorized.status) {
        fatal = new TitanError("unauthorized", `the master at ${url} refused this node's token`);
      }
      request.destroy();
      socket.terminate();
      // With a listener here ws leaves the end to us.
      events.lost(why, fatal);
      socket.removeAllListeners("close");
    });
    socket.on("error", (error) => {
      why = error.message || (error as NodeJS.ErrnoException).code || String(error);
    });
    socket.on("close", () => events.lost(why, fatal));
    return {
      send: (frame) => socket.send(frame),
      close: () => socket.close(1000),
      terminate: () => socket.terminate(),
    };
  };
}

/** The master's own words as an error; a code that this version does not know counts as a version mismatch. */
export function refusal(code: string, message: string, hint: string): TitanError {
  const known = Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : "version-mismatch";
  return new TitanError(known, message, hint === "" ? {} : { hint });
}
