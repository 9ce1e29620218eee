/** A master's API over real parts in a folder of its own, for tests. */
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Capacity, Exit, LogBytes } from "@titan/core";
import type { JobDetail, Problem, Submission, Submitted } from "@titan/protocol";
import { pino } from "pino";
import { buildApi } from "../api/app.ts";
import { closeApi } from "../api/close.ts";
import { MASTER_SETTINGS, type MasterSettings, openParts, type Parts } from "../parts.ts";

export const TOKEN = `titan_${"t".repeat(43)}`;

export interface Answer<T = unknown> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

export interface ApiFixture {
  readonly url: string;
  readonly port: number;
  readonly parts: Parts;
  readonly folder: string;
  /** The master's ends of the connections that are open. */
  readonly sockets: ReadonlySet<Socket>;
  /** With the token, and JSON in and out. */
  call<T = unknown>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer<T>>;
  fetch(path: string, init?: RequestInit): Promise<Response>;
  submit(body: Submission): Promise<Submitted>;
  /** A node that takes jobs, and what it says of them. */
  join(name: string, capacity?: Partial<Capacity>): Promise<FixtureNode>;
  /** Closes all but the folder, as a master that ends. */
  stop(): Promise<void>;
  close(): Promise<void>;
}

export interface FixtureNode {
  readonly id: string;
  started(jobId: string): Promise<void>;
  exited(jobId: string, exit?: Partial<Exit>, logBytes?: LogBytes): Promise<void>;
}

export async function openApi(
  settings: Partial<MasterSettings> = {},
  folder = mkdtempSync(join(tmpdir(), "titan-api-")),
): Promise<ApiFixture> {
  let url = "";
  const parts = await openParts({
    stateDir: folder,
    token: TOKEN,
    settings: { ...MASTER_SETTINGS, ...settings },
    log: pino({ level: "silent" }),
    url: () => url,
  });
  const app = await buildApi(parts);
  const sockets = new Set<Socket>();
  app.server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await app.listen({ port: 0, host: "127.0.0.1" });
  const { port } = app.server.address() as AddressInfo;
  url = `http://127.0.0.1:${port}`;
  const send = (path: string, init: RequestInit = {}) =>
    fetch(url + path, {
      ...init,
      headers: { authorization: `Bearer ${TOKEN}`, ...(init.headers as Record<string, string>) },
    });
  const call = caller(send);
  let stopped = false;
  const stop = async () => {
    if (stopped) return;
    stopped = true;
    await closeApi(app, parts);
    await parts.close();
  };
  return {
    url,
    port,
    parts,
    folder,
    sockets,
    call,
    fetch: send,
    submit: async (body) => {
      const { status, body: answer } = await call<Submitted>("POST", "/api/v1/jobs", body);
      if (status !== 201) throw new Error(`submission refused: ${JSON.stringify(answer)}`);
      return answer;
    },
    join: (name, capacity) => joinNode(parts, name, capacity),
    stop,
    close: async () => {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function caller(send: (path: string, init?: RequestInit) => Promise<Response>): ApiFixture["call"] {
  return async <T>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> => {
    const init: RequestInit =
      body === undefined
        ? { headers }
        : {
            body: typeof body === "string" ? body : JSON.stringify(body),
            headers: { "content-type": "application/json", ...headers },
          };
    const response = await send(path, { method, ...init });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.includes("json") ?? false;
    return {
      status: response.status,
      headers: response.headers,
      body: (isJson ? JSON.parse(text) : text) as T,
    };
  };
}

async function joinNode(
  { engine, clock }: Parts,
  name: string,
  capacity: Partial<Capacity> = {},
): Promise<FixtureNode> {
  const id = `node-${name}`;
  await engine.execute({
    type: "node-joined",
    node: {
      id,
      name,
      capacity: { cpuMillis: 4_000, memoryBytes: 8 * 1024 ** 3, devices: [], ...capacity },
      labels: {},
      about: { host: "test" },
      bootId: "boot",
    },
    attempts: [],
  });
  const numberOf = (jobId: string) => engine.state.jobs.get(jobId)?.attempt ?? 0;
  const started = async (jobId: string) => {
    const report = {
      jobId,
      number: numberOf(jobId),
      state: "running" as const,
      startedAt: clock.now(),
      exitedAt: null,
      exit: null,
      logBytes: null,
    };
    await engine.execute({ type: "report", nodeId: id, report });
  };
  return {
    id,
    started,
    exited: async (jobId, exit = {}, logBytes = { stdout: 0, stderr: 0, titan: 0 }) => {
      const whole: Exit = {
        cause: "exit",
        code: 0,
        signal: null,
        message: "",
        maxRssBytes: 0,
        cpuMs: 0,
        ...exit,
      };
      const number = numberOf(jobId);
      const report = {
        jobId,
        number,
        state: "exited" as const,
        startedAt: clock.now(),
        exitedAt: clock.now(),
        exit: whole,
        logBytes,
      };
      await engine.execute({ type: "report", nodeId: id, report });
      const all = Object.values(logBytes).reduce((sum, bytes) => sum + bytes, 0);
      if (all > 0) await engine.execute({ type: "log-whole", jobId, number });
    },
  };
}

export type { JobDetail, Problem };
