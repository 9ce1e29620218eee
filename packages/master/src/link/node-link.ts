/** The master's side of the node link: takes connections, one session for each node, and brings effects to them. */
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import type { Effect } from "@titan/core";
import { TitanError } from "@titan/protocol";
import { FRAME_BYTES_MAX, LINK_PATH } from "@titan/protocol/link";
import type { Logger } from "pino";
import { type WebSocket, WebSocketServer } from "ws";
import type { Engine } from "../engine/engine.ts";
import type { LogKeeper } from "../logs/log-keeper.ts";
import type { LinkContext } from "./context.ts";
import { LogIntake } from "./log-intake.ts";
import { noteLost } from "./lost-note.ts";
import { type Hello, Session } from "./session.ts";
import type { LinkSocket } from "./socket.ts";
import { StartOrders } from "./start-orders.ts";

/** What becomes of a connection that was accepted. */
export interface LinkEvents {
  frame(data: Uint8Array): void;
  /** Once, whatever ended it. */
  closed(why: string): void;
}

export class NodeLink {
  readonly #engine: Engine;
  readonly #context: LinkContext;
  readonly #sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: FRAME_BYTES_MAX,
  });
  /** Every connection, those that have not said hello too. */
  readonly #sessions = new Set<Session>();
  readonly #byNode = new Map<string, Session>();
  readonly #undo: (() => void)[] = [];

  constructor(engine: Engine, logs: LogKeeper, log: Pick<Logger, "error" | "warn" | "info">) {
    this.#engine = engine;
    this.#context = {
      engine,
      logs,
      log,
      intake: new LogIntake(engine, logs),
      orders: new StartOrders(engine),
      join: (session, hello) => this.#join(session, hello),
      leave: (session) => this.#leave(session),
      isThere: (nodeId) => this.#byNode.has(nodeId),
      lacksPayload: (start) => this.#lacksPayload(start),
    };
    engine.setEffectSink((effect) => this.#byNode.get(effect.nodeId)?.deliver(effect));
    // What the nodes were told is void: they say hello again and hear what holds.
    this.#undo.push(engine.onReset(() => this.#endAll("the master loads its memory anew")));
    this.#undo.push(engine.onCommitted((_, changes) => noteLost(changes, engine.state, logs, log)));
  }

  /** Takes upgrades to `LINK_PATH` whose request `authorize` accepts; others to that path get 401, to any other 404. */
  attach(server: Server, authorize: (request: IncomingMessage) => boolean): void {
    const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      socket.on("error", () => socket.destroy());
      if (request.url?.split("?", 1)[0] !== LINK_PATH) {
        return turnAway(socket, new TitanError("not-found", `There is no ${request.url} to upgrade to`));
      }
      if (!authorize(request))
        return turnAway(socket, new TitanError("unauthorized", "The token is missing or wrong"));
      this.#sockets.handleUpgrade(request, socket, head, (webSocket) => this.#acceptWebSocket(webSocket));
    };
    server.on("upgrade", upgrade);
    this.#undo.push(() => server.off("upgrade", upgrade));
  }

  /** Takes a connection that may be one of a node: its frames go to `frame`, its end to `closed`. */
  accept(socket: LinkSocket): LinkEvents {
    const session = new Session(socket, this.#context);
    this.#sessions.add(session);
    return {
      frame: (data) => session.frame(data),
      closed: (why) => {
        session.end(why);
        this.#sessions.delete(session);
      },
    };
  }

  /** Ids of the nodes that are connected. */
  get nodes(): ReadonlySet<string> {
    return new Set(this.#byNode.keys());
  }

  /** Cuts every connection. The nodes go on with what they run and come back. */
  close(): void {
    for (const undo of this.#undo.splice(0)) undo();
    this.#engine.setEffectSink(() => undefined);
    this.#endAll("the master stops");
    this.#sockets.close();
  }

  #acceptWebSocket(webSocket: WebSocket): void {
    let why = "closed the connection";
    const events = this.accept({
      isOpen: () => webSocket.readyState === webSocket.OPEN,
      send: (frame) => webSocket.send(frame),
      close: (code, reason) => webSocket.close(code, reason),
      terminate: () => webSocket.terminate(),
    });
    webSocket.on("message", (data) => events.frame(data as Buffer));
    webSocket.on("error", (error) => {
      why = `connection failed: ${error.message}`;
    });
    webSocket.on("close", () => events.closed(why));
  }

  #endAll(why: string): void {
    for (const session of [...this.#sessions]) session.end(why, false);
  }

  #join(session: Session, { id: nodeId, name, instance }: Hello): void {
    const before = this.#byNode.get(nodeId);
    // A network that drops a connection may tell its two ends at different times: the agent is back before the end of
    // its first connection is known here.
    if (before !== undefined && instance !== undefined && before.instance === instance) {
      before.end("its agent opened another connection");
    }
    if (this.#byNode.has(nodeId)) {
      throw new TitanError("state-in-use", `The node ${name} (${nodeId}) is connected already`, {
        hint: "Two agents must not share a state folder; a copied one needs another --state.",
      });
    }
    for (const other of this.#byNode.values()) {
      if (other.name !== name) continue;
      throw new TitanError("state-in-use", `Another node with the name ${name} is connected`, {
        hint: "Give this one its own name with --name.",
      });
    }
    this.#byNode.set(nodeId, session);
  }

  #leave(session: Session): void {
    if (this.#byNode.get(session.nodeId) === session) this.#byNode.delete(session.nodeId);
  }

  #lacksPayload({ nodeId, job }: Extract<Effect, { type: "start" }>): void {
    this.#context.log.error({ job: job.id }, "the store has no payload for a job that is to start");
    const exit = {
      cause: "launch-failed",
      code: null,
      signal: null,
      message: "the master has lost what it was to run",
      maxRssBytes: 0,
      cpuMs: 0,
    } as const;
    this.#engine.offer({
      type: "report",
      nodeId,
      report: {
        jobId: job.id,
        number: job.attempt,
        state: "exited",
        startedAt: null,
        exitedAt: this.#engine.clock.now(),
        exit,
        logBytes: null,
      },
    });
  }
}

function turnAway(socket: Duplex, error: TitanError): void {
  const problem = error.toProblem();
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${problem.status === 401 ? "Unauthorized" : "Not Found"}`,
    "Content-Type: application/problem+json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`, () => socket.destroy());
}
