/**
 * A real cluster for tests: `titan serve` and `titan join` as processes, in a temporary folder, on a port of their own.
 * Talks plain HTTP, so that what the tests see is what any client sees.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { JobDetail, JobSpec, JobView, NodeView, RunView, Submitted } from "@titan/protocol";

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const CLI = join(ROOT, "packages", "cli", "src", "titan.mjs");

/** A started process with everything that it said, for the message of a test that fails. */
export interface Started {
  readonly child: ChildProcess;
  readonly output: () => string;
  /** Resolves with the exit code, or the signal's name. */
  readonly ended: Promise<number | string>;
}

export function start(args: readonly string[], env: NodeJS.ProcessEnv, program = process.execPath): Started {
  const child = spawn(program, args, { env, cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (data: Buffer) => (output += data.toString()));
  child.stderr.on("data", (data: Buffer) => (output += data.toString()));
  const ended = new Promise<number | string>((resolve) =>
    child.on("close", (code, signal) => resolve(code ?? signal ?? "unknown")),
  );
  return { child, output: () => output, ended };
}

/** Polls a condition of another process until it holds; there is no event to wait for across processes. */
export async function until<T>(
  what: string,
  check: () => Promise<T | undefined> | T | undefined,
  timeoutMs = 20_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await check();
    if (value !== undefined) return value;
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

export interface NodeOptions {
  readonly name: string;
  readonly flags?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

export interface Answer<T> {
  readonly status: number;
  readonly body: T;
}

export class Cluster {
  readonly folder = mkdtempSync(join(tmpdir(), "titan-e2e-"));
  readonly stateHome = join(this.folder, "state");
  readonly env: NodeJS.ProcessEnv;
  readonly port: number;
  readonly url: string;
  readonly nodes: Started[] = [];
  master!: Started;

  private constructor(port: number) {
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    const { TITAN_TOKEN: _token, TITAN_TOKEN_FILE: _file, ...rest } = process.env;
    this.env = { ...rest, TITAN_STATE_HOME: this.stateHome, TITAN_URL: this.url, NO_COLOR: "1" };
  }

  /** A master, and nodes that have joined by the time it resolves. */
  static async start(nodes: readonly NodeOptions[] = []): Promise<Cluster> {
    const cluster = new Cluster(await freePort());
    try {
      await cluster.startMaster();
      await Promise.all(nodes.map((node) => cluster.addNode(node)));
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  async startMaster(): Promise<void> {
    this.master = this.titan("serve", "--listen", `127.0.0.1:${this.port}`);
    await until("the master answers", async () => {
      if (this.master.child.exitCode !== null) throw new Error(`the master ended:\n${this.master.output()}`);
      const answer = await fetch(`${this.url}/healthz`).catch(() => undefined);
      return answer?.ok ? true : undefined;
    });
  }

  /** `kill -9`, and back on the same port and state. */
  async killMaster(): Promise<void> {
    this.master.child.kill("SIGKILL");
    await this.master.ended;
  }

  async addNode(options: NodeOptions): Promise<Started> {
    const flags = ["join", this.url, "--name", options.name, ...(options.flags ?? [])];
    const node = start([CLI, ...flags], { ...this.env, ...options.env });
    this.nodes.push(node);
    await until(`node ${options.name} joins`, async () => {
      if (node.child.exitCode !== null) throw new Error(`node ${options.name} ended:\n${node.output()}`);
      const { body } = await this.call<{ nodes: NodeView[] }>("GET", "/nodes");
      return body.nodes.find((view) => view.name === options.name && view.state === "up");
    });
    return node;
  }

  titan(...args: string[]): Started {
    return start([CLI, ...args], this.env);
  }

  get token(): string {
    return readFileSync(join(this.stateHome, "token"), "utf8").trim();
  }

  async call<T>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> {
    const answer = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, body: (await answer.json()) as T };
  }

  /** Submits and answers with the ids in the order given. */
  async submit(jobs: readonly JobSpec[], run?: string): Promise<string[]> {
    const { status, body } = await this.call<Submitted>("POST", "/jobs", {
      ...(run === undefined ? {} : { run: { id: run } }),
      jobs,
    });
    if (status !== 201) throw new Error(`submit answered ${status}: ${JSON.stringify(body)}`);
    return body.jobs.map((job) => job.id);
  }

  async job(id: string): Promise<JobDetail> {
    return (await this.call<JobDetail>("GET", `/jobs/${id}`)).body;
  }

  /** The job once it has ended. */
  async ended(id: string, timeoutMs = 60_000): Promise<JobDetail> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const { body } = await this.call<JobDetail>("GET", `/jobs/${id}?wait_ms=20000`);
      if (body.state !== "waiting" && body.state !== "running") return body;
      if (Date.now() > deadline)
        throw new Error(`job ${body.name} is ${body.state} after ${timeoutMs} ms: ${body.reason}`);
    }
  }

  async running(id: string): Promise<JobDetail> {
    return await until(`job ${id} runs`, async () => {
      const job = await this.job(id);
      return job.state === "running" && job.started_at !== null ? job : undefined;
    });
  }

  async run(id: string, waitMs: number): Promise<RunView> {
    return (await this.call<RunView>("GET", `/runs/${id}?wait_ms=${waitMs}`)).body;
  }

  async jobs(query: string): Promise<JobView[]> {
    return (await this.call<{ jobs: JobView[] }>("GET", `/jobs?${query}`)).body.jobs;
  }

  /** The exact bytes of a job's log. */
  async log(id: string, stream?: "stdout" | "stderr" | "titan"): Promise<Buffer> {
    const query = stream === undefined ? "" : `?stream=${stream}`;
    const answer = await fetch(`${this.url}/api/v1/jobs/${id}/logs${query}`, {
      headers: { authorization: `Bearer ${this.token}`, accept: "text/plain" },
    });
    if (!answer.ok) throw new Error(`logs answered ${answer.status}: ${await answer.text()}`);
    return Buffer.from(await answer.arrayBuffer());
  }

  /** Uploads a file for a job's `files`. */
  async file(
    path: string,
    content: string | Uint8Array,
  ): Promise<{ path: string; sha256: string; size: number }> {
    const data = Buffer.from(content as Uint8Array);
    const sha256 = createHash("sha256").update(data).digest("hex");
    const answer = await fetch(`${this.url}/api/v1/blobs/${sha256}`, {
      method: "PUT",
      headers: { authorization: `Bearer ${this.token}`, "content-type": "application/octet-stream" },
      body: data,
    });
    if (!answer.ok) throw new Error(`blob answered ${answer.status}: ${await answer.text()}`);
    return { path, sha256, size: data.length };
  }

  async stop(): Promise<void> {
    const all = [...this.nodes, ...(this.master === undefined ? [] : [this.master])];
    for (const { child } of all) child.kill("SIGTERM");
    // A test has no patience: what has not gone politely in this time goes the other way.
    const timer = setTimeout(() => {
      for (const { child } of all) child.kill("SIGKILL");
    }, 5_000);
    await Promise.all(all.map((process) => process.ended));
    clearTimeout(timer);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** Whether a process is there and not merely waiting to be reaped. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
