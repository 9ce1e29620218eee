import type { Socket } from "node:net";
import { TitanError } from "@titan/protocol";

/** How long what still comes is thrown away. Closing with bytes unread resets the connection, and the answer is lost. */
const LINGER_MS = 500;
const answered = new WeakSet<Socket>();

/** Answers what is no HTTP (garbage, endless headers, a TLS greeting) with 400 where it can still be answered, and closes. */
export function answerNonsense(error: NodeJS.ErrnoException, socket: Socket): void {
  // The rest of the same nonsense is reported again, piece by piece.
  if (answered.has(socket)) return;
  answered.add(socket);
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const problem = new TitanError("bad-request", told(error.code)).toProblem();
  const body = JSON.stringify(problem);
  const head = [
    "HTTP/1.1 400 Bad Request",
    "Content-Type: application/problem+json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
  socket.resume();
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}

function told(code: string | undefined): string {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return "The headers of the request are too large";
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return "The headers of the request did not arrive in time";
    default:
      return "This is not a request of HTTP/1.1";
  }
}
