/** The client: every verb of the HTTP API, with retries, uploads and waiting. */
import type {
  Info,
  JobDetail,
  JobListQuery,
  JobView,
  LogRecord,
  NodeView,
  PipelineView,
  RunView,
  Submitted,
  Upload,
  WhyView,
} from "@titan/protocol";
import { TitanError } from "@titan/protocol";
import type { CallOptions } from "./connection.ts";
import { Connection } from "./connection.ts";
import { fetchTransport } from "./fetch-transport.ts";
import { JobHandle, RunHandle } from "./handles.ts";
import type { JobInput, LocalFile, SubmissionInput } from "./job-input.ts";
import { localFiles, toFileRef, toSpec } from "./job-input.ts";
import type { LogOptions, LogPiece, LogText } from "./logs.ts";
import { logLines, logPieces, logRecords, logText } from "./logs.ts";
import { defaultTransport, discover, randomKey } from "./platform/node.ts";
import { uploadFiles } from "./upload.ts";

export interface ClientOptions {
  /** Else TITAN_URL, else TITAN_HOST and TITAN_PORT, else this machine's port 9090. */
  readonly url?: string | undefined;
  /** Else TITAN_TOKEN, else the file that TITAN_TOKEN_FILE names, else the user's own. */
  readonly token?: string | undefined;
  /** Takes the place of the built-in transport. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** For how long requests are repeated while the master does not answer; 30,000 where absent. */
  readonly retryWindowMs?: number | undefined;
}

export interface SubmitOptions extends CallOptions {
  /** The same key with the same jobs submits once; made by itself where absent. */
  readonly idempotencyKey?: string | undefined;
}

export interface WaitOptions extends CallOptions {
  /** `wait-timeout` is thrown after it; without it there is no limit. */
  readonly timeoutMs?: number | undefined;
}

const JSON_BODY = { "content-type": "application/json" } as const;
/** Longer than any pause of a job, shorter than what proxies cut: the longest that one request waits. */
const POLL_MS = 25_000;

export class TitanClient {
  readonly url: string;
  readonly #connection: Connection;

  /** Looks for the master's address and token, without touching the network. */
  constructor(options: ClientOptions = {}) {
    const target = discover({ url: options.url, token: options.token });
    const transport = options.fetch === undefined ? defaultTransport() : fetchTransport(options.fetch);
    this.url = target.url;
    this.#connection = new Connection(target, transport, options.retryWindowMs ?? 30_000);
  }

  /** One quick try whether a master is there; `master-unreachable` if not. */
  async check(options: CallOptions = {}): Promise<{ ok: boolean; version: string }> {
    try {
      const answer = await this.#connection.once("/healthz", { ...options, timeoutMs: 5_000 });
      return JSON.parse(await answer.text());
    } catch (error) {
      options.signal?.throwIfAborted();
      throw this.#connection.unreachable(error);
    }
  }

  async submitJob(job: JobInput, options: SubmitOptions = {}): Promise<JobHandle> {
    return this.handle(await this.submit({ jobs: [job] }, options));
  }

  /** The verbs of one job of an answer to `submit`; its first where `at` is absent. */
  handle(submitted: Submitted, at = 0): JobHandle {
    const job = submitted.jobs[at];
    if (job === undefined) throw new TitanError("internal", "the master took the job but named none");
    return new JobHandle(this, { ...job, run: submitted.run });
  }

  /** Submits jobs that wait for each other by name (`parents`), as one run of the series `name`. */
  async submitDag(name: string, jobs: readonly JobInput[], options: SubmitOptions = {}): Promise<RunHandle> {
    const slug =
      name
        .replace(/[^A-Za-z0-9_.-]+/g, "-")
        .replace(/^[.-]+/, "")
        .slice(0, 100) || "run";
    const run = { id: `${slug}-${randomKey().replaceAll("-", "").slice(0, 12)}`, series: name };
    const submitted = await this.submit({ run, jobs }, options);
    const id = submitted.run ?? run.id;
    return new RunHandle(
      this,
      id,
      submitted.jobs.map((job) => new JobHandle(this, { ...job, run: id })),
    );
  }

  /** Up to 10,000 jobs, taken all together or not at all. Their local files are uploaded first. */
  async submit(submission: SubmissionInput, options: SubmitOptions = {}): Promise<Submitted> {
    const { idempotencyKey = randomKey(), ...call } = options;
    const files = localFiles(submission.jobs);
    if (files.length > 0) await this.uploadFiles(files, call);
    return await this.#connection.json("/jobs", {
      ...call,
      method: "POST",
      headers: { ...JSON_BODY, "idempotency-key": idempotencyKey },
      body: JSON.stringify({ ...submission, jobs: submission.jobs.map(toSpec) }),
    });
  }

  /** `id` may be any beginning of an id that fits one job only, of 3 characters or more. */
  async job(id: string, options: CallOptions = {}): Promise<JobDetail> {
    return await this.#connection.json(`/jobs/${encodeURIComponent(id)}`, options);
  }

  /** One page of jobs, newest first; `next` is the `cursor` of the page after it. */
  async jobs(
    filter: JobListQuery = {},
    options: CallOptions = {},
  ): Promise<{ jobs: JobView[]; next: string | null }> {
    const query = new URLSearchParams();
    for (const [key, value] of Object.entries(filter)) if (value !== undefined) query.set(key, String(value));
    return await this.#connection.json(`/jobs?${query}`, options);
  }

  async why(id: string, options: CallOptions = {}): Promise<WhyView> {
    return await this.#connection.json(`/jobs/${encodeURIComponent(id)}/why`, options);
  }

  /** Asks for the end of the job and answers at once; `wait` tells when it is over. */
  async cancel(id: string, options: CallOptions = {}): Promise<JobDetail> {
    return await this.#connection.json(`/jobs/${encodeURIComponent(id)}/cancel`, {
      ...options,
      method: "POST",
    });
  }

  /** Resolves with the job once it has ended, however it ended; goes on over lost connections. */
  async wait(id: string, options: WaitOptions = {}): Promise<JobDetail> {
    const isOver = (job: JobDetail) => job.state !== "waiting" && job.state !== "running";
    return await this.#poll<JobDetail>(`/jobs/${encodeURIComponent(id)}`, isOver, options);
  }

  /** The log as text, as it comes; with `follow` until the job has ended. */
  logs(id: string, options: LogOptions = {}): AsyncGenerator<LogText> {
    return logText(this.#connection, id, options);
  }

  /** The log line by line. */
  lines(id: string, options: LogOptions = {}): AsyncGenerator<LogText> {
    return logLines(this.#connection, id, options);
  }

  /** The log's exact bytes. */
  logBytes(id: string, options: LogOptions = {}): AsyncGenerator<LogPiece> {
    return logPieces(this.#connection, id, options);
  }

  /** The log as the master sends it, with cursors, bytes in base64 and the `end` record. */
  logRecords(id: string, options: LogOptions = {}): AsyncGenerator<LogRecord> {
    return logRecords(this.#connection, id, options);
  }

  async run(id: string, options: CallOptions = {}): Promise<RunView> {
    return await this.#connection.json(`/runs/${encodeURIComponent(id)}`, options);
  }

  async cancelRun(id: string, options: CallOptions = {}): Promise<RunView> {
    return await this.#connection.json(`/runs/${encodeURIComponent(id)}/cancel`, {
      ...options,
      method: "POST",
    });
  }

  /** Resolves with the run once all its jobs have ended. */
  async waitRun(id: string, options: WaitOptions = {}): Promise<RunView> {
    return await this.#poll<RunView>(
      `/runs/${encodeURIComponent(id)}`,
      (run) => run.state !== "running",
      options,
    );
  }

  async nodes(options: CallOptions = {}): Promise<NodeView[]> {
    return (await this.#connection.json<{ nodes: NodeView[] }>("/nodes", options)).nodes;
  }

  async info(options: CallOptions = {}): Promise<Info> {
    return await this.#connection.json("/info", options);
  }

  /** Sends what the master lacks of these files; resolves with how many files and bytes that were. */
  async uploadFiles(
    files: readonly LocalFile[],
    options: CallOptions = {},
  ): Promise<{ files: number; bytes: number }> {
    return await uploadFiles(this.#connection, files, options);
  }

  /** Uploads files and keeps them under `name`, for jobs of later submissions. */
  async keepUpload(name: string, files: readonly LocalFile[], options: CallOptions = {}): Promise<Upload> {
    await this.uploadFiles(files, options);
    const body = JSON.stringify({ name, files: files.map(toFileRef) } satisfies Upload);
    const path = `/uploads/${encodeURIComponent(name)}`;
    return await this.#connection.json(path, { ...options, method: "PUT", headers: JSON_BODY, body });
  }

  async upload(name: string, options: CallOptions = {}): Promise<Upload> {
    return await this.#connection.json(`/uploads/${encodeURIComponent(name)}`, options);
  }

  /** Reads and checks a pipeline file; nothing is submitted. */
  async yaml(text: string, options: CallOptions = {}): Promise<PipelineView> {
    const headers = { "content-type": "application/yaml" };
    return await this.#connection.json("/yaml", { ...options, method: "POST", headers, body: text });
  }

  async #poll<T>(path: string, isOver: (view: T) => boolean, options: WaitOptions): Promise<T> {
    const { timeoutMs = Number.POSITIVE_INFINITY, ...call } = options;
    const until = performance.now() + timeoutMs;
    for (;;) {
      const waitMs = Math.round(Math.max(0, Math.min(POLL_MS, until - performance.now())));
      const view = await this.#connection.json<T>(`${path}?wait_ms=${waitMs}`, {
        ...call,
        timeoutMs: waitMs + 15_000,
      });
      if (isOver(view)) return view;
      if (performance.now() >= until) {
        throw new TitanError("wait-timeout", `${path.slice(1)} did not end within ${timeoutMs / 1_000} s`);
      }
    }
  }
}
