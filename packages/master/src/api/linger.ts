import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";

/** For how long the rest of a body that was answered already is read. */
const LINGER_MS = 30_000;

/**
 * Lets a client that sends its whole body first read an answer that came before the body's end: too large, no token,
 * no such address. Node closes the connection behind an answer that is the last on it (`Connection: close`, HTTP/1.0)
 * at once, and closing with bytes unread resets it: of 30 such refusals of 20 MB all 30 were lost, EPIPE at the client.
 * Where the connection is kept, Node itself reads on.
 */
export function lingerBehindAnswers(server: Server): void {
  server.on("request", (request: IncomingMessage) => {
    const { headers, socket } = request;
    if (headers["content-length"] === undefined && headers["transfer-encoding"] === undefined) return;
    socket.destroySoon = () => closeBehind(request, socket);
  });
}

function closeBehind(request: IncomingMessage, socket: Socket): void {
  // From here on the socket's own again.
  Reflect.deleteProperty(socket, "destroySoon");
  if (request.complete) {
    socket.destroySoon();
    return;
  }
  socket.end();
  const late = setTimeout(() => socket.destroy(), LINGER_MS).unref();
  socket.once("close", () => clearTimeout(late));
  request.once("end", () => socket.destroySoon());
  request.resume();
}
