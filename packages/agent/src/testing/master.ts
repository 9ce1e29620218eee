/** The other side of the node link, as small as it can be, for the tests of this package only. */
import { createHash } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Report } from "@titan/core";
import type { JobPayload } from "@titan/protocol";
import {
  decodeFrame,
  encodeFrame,
  type FromNode,
  LINK_PATH,
  type LogStream,
  type StartOrder,
  type ToNode,
} from "@titan/protocol/link";
import { type WebSocket, WebSocketServer } from "ws";

export const TOKEN = "titan_test";

type Hello = FromNode & { t: "hello" };

export class TestMaster {
  readonly blobs = new Map<string, Buffer>();
  readonly blobRequests: string[] = [];
  readonly hellos: Hello[] = [];
  readonly reports = new Map<string, Report>();
  readonly history: Report[] = [];
  readonly logs = new Map<string, Buffer[]>();
  /** When each key's first byte came. */
  readonly firstByteAt = new Map<string, number>();
  /** What the master would still want on the node. */
  readonly wanted = new Map<string, { jobId: string; number: number }>();
  leaseMs = 10_000;
  acknowledge = true;
  answer: ToNode | null = null;
  url = "";
  maxUnacked = 0;
  private readonly server: Server;
  private readonly sockets = new Set<WebSocket>();
  private readonly acked = new Map<string, number>();
  private waiting: { done: () => boolean; resolve: () => void }[] = [];

  constructor() {
    this.server = createServer((request, response) => {
      const sha = request.url?.split("/").at(-1) ?? "";
      this.blobRequests.push(sha);
      const blob = this.blobs.get(sha);
      if (request.headers.authorization !== `Bearer ${TOKEN}`) response.writeHead(401).end();
      else if (blob === undefined) response.writeHead(404).end();
      else response.end(blob);
    });
    const link = new WebSocketServer({ noServer: true });
    this.server.on("upgrade", (request, socket, head) => {
      if (request.url !== LINK_PATH || request.headers.authorization !== `Bearer ${TOKEN}`) {
        socket.end("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
      } else link.handleUpgrade(request, socket, head, (ws) => this.accept(ws));
    });
  }

  async listen(port = 0): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(port, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    return this;
  }

  async close(): Promise<void> {
    this.cut();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** Drops every connection at once. */
  cut(): void {
    for (const socket of this.sockets) socket.terminate();
    this.sockets.clear();
  }

  /** Hears nothing more, not even that a connection is closed: a master that hangs. */
  hang(): void {
    for (const socket of this.sockets) socket.pause();
  }

  send(...messages: ToNode[]): void {
    for (const socket of this.sockets) socket.send(encodeFrame(messages));
  }

  start(jobId: string, payload: Partial<JobPayload>, order: Partial<StartOrder> = {}): string {
    this.wanted.set(`${jobId}.1`, { jobId, number: 1 });
    const whole = { command: null, script: null, args: [], env: {}, python: null, files: [], ...payload };
    const rest = {
      number: 1,
      name: jobId,
      runId: null,
      devices: [],
      timeoutMs: null,
      graceMs: 200,
      lostAfterMs: 900_000,
      notes: [],
    };
    this.send({ t: "start", jobId, ...rest, ...order, payload: whole });
    return `${jobId}.1`;
  }

  file(path: string, content: string | Buffer): JobPayload["files"][number] {
    const data = Buffer.from(content);
    const sha256 = createHash("sha256").update(data).digest("hex");
    this.blobs.set(sha256, data);
    return { path, sha256, size: data.length, executable: false };
  }

  log(key: string, stream: LogStream): Buffer {
    return Buffer.concat(this.logs.get(`${key}/${stream}`) ?? []);
  }

  /** Resolves once `done` holds; looked at after each message. */
  async until(done: () => boolean): Promise<void> {
    if (!done()) await new Promise<void>((resolve) => this.waiting.push({ done, resolve }));
  }

  async exited(key: string): Promise<Report> {
    await this.until(() => this.reports.get(key)?.state === "exited");
    return this.reports.get(key) as Report;
  }

  /** The attempt has ended and every byte of its log is here. */
  async whole(key: string): Promise<Report> {
    const report = await this.exited(key);
    const bytes = report.logBytes ?? { stdout: 0, stderr: 0, titan: 0 };
    await this.until(() =>
      (["stdout", "stderr", "titan"] as const).every((s) => this.size(`${key}/${s}`) >= bytes[s]),
    );
    return report;
  }

  acknowledgeAll(): void {
    for (const id of this.logs.keys()) this.ack(id);
  }

  private size(id: string): number {
    return (this.logs.get(id) ?? []).reduce((sum, piece) => sum + piece.length, 0);
  }

  private accept(ws: WebSocket): void {
    this.sockets.add(ws);
    ws.on("message", (data) => {
      for (const message of decodeFrame<FromNode>(data as Buffer)) this.hear(ws, message);
      this.waiting = this.waiting.filter(({ done, resolve }) => {
        if (done()) resolve();
        else return true;
        return false;
      });
    });
  }

  private hear(ws: WebSocket, message: FromNode): void {
    if (message.t === "hello") {
      this.hellos.push(message);
      for (const report of message.attempts) this.reports.set(`${report.jobId}.${report.number}`, report);
      const attempts = [...this.wanted].map(([key, ref]) => ({ ...ref, logged: this.logged(key) }));
      ws.send(encodeFrame([this.answer ?? { t: "welcome", leaseMs: this.leaseMs, attempts }]));
    } else if (message.t === "report") {
      this.reports.set(`${message.report.jobId}.${message.report.number}`, message.report);
      this.history.push(message.report);
    } else if (message.t === "log") this.store(message);
  }

  private logged(key: string): { stdout: number; stderr: number; titan: number } {
    const held = (stream: LogStream): number => this.acked.get(`${key}/${stream}`) ?? 0;
    return { stdout: held("stdout"), stderr: held("stderr"), titan: held("titan") };
  }

  private store(message: FromNode & { t: "log" }): void {
    const id = `${message.jobId}.${message.number}/${message.stream}`;
    if (!this.firstByteAt.has(id)) this.firstByteAt.set(id, Date.now());
    const pieces = this.logs.get(id) ?? [];
    // What came before a cut and was not acknowledged comes again.
    let size = this.size(id);
    while (size > message.offset) size -= pieces.pop()?.length ?? size;
    if (size !== message.offset) throw new Error(`hole in ${id}: has ${size}, got ${message.offset}`);
    pieces.push(Buffer.from(message.data));
    this.logs.set(id, pieces);
    this.maxUnacked = Math.max(this.maxUnacked, size + message.data.length - (this.acked.get(id) ?? 0));
    if (this.acknowledge) this.ack(id);
  }

  private ack(id: string): void {
    const [, key, stream] = id.match(/^(.*)\/(\w+)$/) as unknown as [string, string, LogStream];
    const ref = this.wanted.get(key);
    const offset = this.size(id);
    this.acked.set(id, offset);
    if (ref !== undefined) this.send({ t: "logged", ...ref, stream, offset });
  }
}
