/** A node as tests need it: a bare WebSocket that speaks the link, and remembers what it hears. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Report } from "@titan/core";
import {
  decodeFrame,
  encodeFrame,
  type FromNode,
  LINK_PATH,
  LINK_VERSIONS,
  type ToNode,
} from "@titan/protocol/link";
import { WebSocket } from "ws";
import { newNode } from "../engine/testing.ts";
import { within } from "../testing/deadline.ts";

type Of<T extends ToNode["t"]> = Extract<ToNode, { t: T }>;

export class RawNode {
  readonly socket: WebSocket;
  readonly heard: ToNode[] = [];
  readonly #wanted: { is: (message: ToNode) => boolean; found: (message: ToNode) => void }[] = [];
  #read = 0;
  #beats: NodeJS.Timeout | undefined;

  constructor(port: number, token = "good") {
    this.socket = new WebSocket(`ws://127.0.0.1:${port}${LINK_PATH}`, { headers: { authorization: token } });
    this.socket.on("error", () => undefined);
    this.socket.on("message", (data) => {
      this.heard.push(...decodeFrame<ToNode>(data as Buffer));
      this.#match();
    });
  }

  async open(): Promise<this> {
    await within("a connection", once(this.socket, "open"));
    return this;
  }

  send(...messages: FromNode[]): void {
    this.socket.send(encodeFrame(messages));
  }

  hello(id: string, more: Partial<Extract<FromNode, { t: "hello" }>> = {}): void {
    const { capacity, labels, about, bootId } = newNode(id, 4, 2);
    this.send({
      t: "hello",
      ...LINK_VERSIONS,
      version: "0.1.0",
      id,
      name: id,
      bootId,
      capacity,
      labels,
      about,
      attempts: [],
      ...more,
    });
  }

  report(report: Report): void {
    this.send({ t: "report", report });
  }

  log(jobId: string, stream: "stdout" | "stderr" | "titan", offset: number, text: string, number = 1): void {
    this.send({ t: "log", jobId, number, stream, offset, at: 1, data: Buffer.from(text) });
  }

  /** The next message of this kind behind those that were asked for before. */
  next<T extends ToNode["t"]>(t: T, is: (message: Of<T>) => boolean = () => true): Promise<Of<T>> {
    const { promise, resolve } = Promise.withResolvers<Of<T>>();
    this.#wanted.push({
      is: (message) => message.t === t && is(message as Of<T>),
      found: (message) => resolve(message as Of<T>),
    });
    this.#match();
    return within(`the message ${t}`, promise);
  }

  /** Sends a heartbeat each `everyMs` until it is killed. */
  beat(everyMs: number): void {
    this.#beats = setInterval(() => this.send({ t: "beat" }), everyMs);
  }

  async closed(): Promise<number> {
    // Not `once`, which a reset would fail: cut off is closed too.
    const over = new Promise((resolve) => this.socket.once("close", resolve));
    if (this.socket.readyState !== WebSocket.CLOSED) await within("the connection's end", over);
    return this.heard.length;
  }

  /** Ends without a word, as a node that is killed. */
  kill(): void {
    clearInterval(this.#beats);
    this.socket.terminate();
  }

  #match(): void {
    while (this.#read < this.heard.length && this.#wanted.length > 0) {
      const message = this.heard[this.#read++]!;
      if (this.#wanted[0]!.is(message)) this.#wanted.shift()!.found(message);
    }
  }
}

export async function listen(): Promise<{ server: Server; port: number }> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, port: (server.address() as AddressInfo).port };
}
