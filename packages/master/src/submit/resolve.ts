/** From jobs as their author describes them to jobs as the core knows them: names become ids, words become amounts. */
import type { Affinity, Command, FinishedJob, Job, NewJob } from "@titan/core";
import {
  type JobPayload,
  type JobSpec,
  type PayloadFile,
  type Submission,
  TitanError,
} from "@titan/protocol";
import type { PayloadRow } from "@titan/store";
import { badField } from "../api/validation.ts";
import { isJobId, newId } from "./job-id.ts";
import { resolveRequirement } from "./requirement.ts";

/** What has to be asked of the jobs that are there already. */
export interface KnownJobs {
  job(id: string): Promise<Job | null>;
  /** The job of the run that was submitted last under this name. */
  newestNamed(runId: string, name: string): Promise<Job | null>;
  lastFinished(runId: string): Promise<FinishedJob | null>;
}

export interface Resolved {
  readonly command: Extract<Command, { type: "submit" }>;
  readonly payloads: PayloadRow[];
  /** JSON of `Submitted`. */
  readonly answer: string;
}

/** Throws `bad-field`, `duplicate-job` or `unknown-parent`, naming the field; asks nothing of `known` where no job refers to another. */
export async function resolveSubmission(submission: Submission, known: KnownJobs): Promise<Resolved> {
  const runId = submission.run == null ? null : (submission.run.id ?? newId());
  const names = nameBatch(submission.jobs);
  const references = new References(runId, names, known);
  const jobs: NewJob[] = [];
  const payloads: PayloadRow[] = [];
  for (const [index, spec] of submission.jobs.entries()) {
    const at = `jobs[${index}]`;
    const id = names.get(spec.name)!;
    payloads.push({ jobId: id, payload: JSON.stringify(payloadOf(spec, at)) });
    jobs.push({
      id,
      name: spec.name,
      runId,
      series: submission.run?.series ?? null,
      ownerId: submission.owner?.id ?? null,
      requirement: resolveRequirement(spec, at),
      parents: spec.parents === undefined ? NONE : await references.parents(spec, at),
      upstream: spec.upstream === undefined ? NONE : await references.upstream(spec.upstream),
      affinity: affinityOf(spec),
      priority: spec.priority ?? 1,
      retry: { max: spec.retries ?? 0, backoffMs: spec.retry_backoff_ms ?? 1_000 },
      timeoutMs: spec.timeout_ms ?? null,
      queueTimeoutMs: spec.queue_timeout_ms ?? null,
      graceMs: spec.grace_ms ?? 5_000,
      delayMs: spec.delay_ms ?? 0,
    });
  }
  if (runId !== null && jobs.some((job) => job.affinity !== "none")) await references.addLastFinished(runId);
  return {
    command: { type: "submit", jobs, known: [...references.finished.values()] },
    payloads,
    answer: JSON.stringify({ run: runId, jobs: jobs.map(({ id, name }) => ({ id, name })) }),
  };
}

const NONE: readonly string[] = [];

/** An id for each name of the batch. */
function nameBatch(specs: readonly JobSpec[]): Map<string, string> {
  const names = new Map<string, string>();
  for (const [index, { name }] of specs.entries()) {
    if (names.has(name)) {
      throw new TitanError("duplicate-job", `Two jobs of this submission have the name ${name}`, {
        field: `jobs[${index}].name`,
      });
    }
    names.set(name, newId());
  }
  return names;
}

function affinityOf(spec: JobSpec): Affinity {
  if (spec.affinity === "required") return "required";
  return spec.affinity === true ? "preferred" : "none";
}

function payloadOf(spec: JobSpec, at: string): JobPayload {
  const files = spec.files ?? [];
  if ((spec.command === undefined) === (spec.script === undefined)) {
    const both = spec.command !== undefined;
    throw badField(
      `${at}.command`,
      `${at} ${both ? "has both command and script" : "has neither command nor script"}`,
      "A job has exactly one of the two.",
    );
  }
  if (spec.command?.[0] === "")
    throw badField(`${at}.command[0]`, `${at}.command[0] must be a program; it is empty`);
  const paths = new Set<string>();
  for (const [index, { path }] of files.entries()) {
    checkPath(path, `${at}.files[${index}].path`);
    if (paths.has(path))
      throw badField(`${at}.files[${index}].path`, `${at} has two files ${JSON.stringify(path)}`);
    paths.add(path);
  }
  if (spec.script !== undefined && !paths.has(spec.script)) {
    throw badField(
      `${at}.script`,
      `${at}.script is not among the files of the job: ${JSON.stringify(spec.script)}`,
    );
  }
  return {
    command: spec.command ?? null,
    script: spec.script ?? null,
    args: spec.args ?? [],
    env: spec.env ?? {},
    python: spec.python ?? null,
    files: files.map((file): PayloadFile => ({ ...file, executable: file.executable ?? false })),
  };
}

/** Stricter than the schema's pattern, whose `.` ends at a line break: one plain name after the other. */
function checkPath(path: string, field: string): void {
  const plain = path.split("/").every((part) => part !== "" && part !== "." && part !== "..");
  if (!plain) throw badField(field, `${field} must be a plain relative path; it is ${JSON.stringify(path)}`);
}

/** Finds the jobs that others name, once each, and keeps those that have ended for the core. */
class References {
  readonly finished = new Map<string, FinishedJob>();
  readonly #runId: string | null;
  readonly #batch: ReadonlyMap<string, string>;
  readonly #known: KnownJobs;
  readonly #found = new Map<string, string | null>();

  constructor(runId: string | null, batch: ReadonlyMap<string, string>, known: KnownJobs) {
    this.#runId = runId;
    this.#batch = batch;
    this.#known = known;
  }

  async parents(spec: Pick<JobSpec, "name" | "parents">, at: string): Promise<string[]> {
    const ids: string[] = [];
    for (const [index, name] of (spec.parents ?? NONE).entries()) {
      const id = this.#batch.get(name) ?? (await this.#find(name));
      if (id === null) {
        const place = this.#runId === null ? "this submission" : `this submission or the run ${this.#runId}`;
        throw new TitanError(
          "unknown-parent",
          `${at} (${spec.name}) waits for ${JSON.stringify(name.slice(0, 80))}, which is no job of ${place} and no job id`,
          {
            field: `${at}.parents[${index}]`,
          },
        );
      }
      if (!ids.includes(id)) ids.push(id);
    }
    return ids;
  }

  /** Those that are not there are left out: an asset's upstream may have been made elsewhere. */
  async upstream(names: readonly string[]): Promise<string[]> {
    const ids: string[] = [];
    for (const name of names) {
      const id = this.#batch.get(name) ?? (await this.#find(name));
      if (id !== null && !ids.includes(id)) ids.push(id);
    }
    return ids;
  }

  async addLastFinished(runId: string): Promise<void> {
    const last = await this.#known.lastFinished(runId);
    if (last !== null) this.finished.set(last.id, last);
  }

  async #find(name: string): Promise<string | null> {
    const before = this.#found.get(name);
    if (before !== undefined) return before;
    const job = await this.#look(name);
    this.#found.set(name, job === null ? null : job.id);
    if (job !== null && job.finishedAt !== null) this.finished.set(job.id, finishedPart(job));
    return job === null ? null : job.id;
  }

  async #look(name: string): Promise<Job | null> {
    const inRun = this.#runId === null ? null : await this.#known.newestNamed(this.#runId, name);
    if (inRun !== null) return inRun;
    return isJobId(name) ? this.#known.job(name) : null;
  }
}

function finishedPart(job: Job): FinishedJob {
  const { id, seq, name, runId, state, nodeId, finishedAt, exit } = job;
  return { id, seq, name, runId, state, nodeId, finishedAt, exit };
}
