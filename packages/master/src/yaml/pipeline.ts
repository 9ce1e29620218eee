/** Reads a pipeline file. Every error says where: `line 4, column 7`. */
import { type PipelineView, TitanError } from "@titan/protocol";
import type { ErrorObject, ValidateFunction } from "ajv";
import { split } from "shlex";
import type { Static } from "typebox";
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument } from "yaml";
import { schemaFault, shown } from "../api/schema-errors.ts";
import { didYouMean } from "../api/suggest.ts";
import { bodyAjv } from "../api/validation.ts";
import { findCycle } from "./graph.ts";
import { PipelineFile, type PipelineJob } from "./schema.ts";

type Path = readonly (string | number)[];
type JobInFile = Static<typeof PipelineJob>;

let compiled: ValidateFunction | undefined;

/** Throws `bad-yaml` with line and column. The file is data: it refers to scripts by path and runs nothing. */
export function readPipeline(text: string): PipelineView {
  const file = new SourceFile(text);
  const value = file.value();
  compiled ??= bodyAjv.compile(PipelineFile);
  if (!compiled(value)) {
    const fault = schemaFault(compiled.errors as ErrorObject[], "the file");
    throw file.error(fault.path, fault.message);
  }
  const { name, project, jobs } = value as Static<typeof PipelineFile>;
  checkJobs(file, jobs);
  return {
    name: name ?? "titan_agent",
    // As in the older format, whose files count on finding their neighbours.
    project: project ?? true,
    jobs: jobs.map((job, index) => viewOf(file, job, index)),
  };
}

function checkJobs(file: SourceFile, jobs: readonly JobInFile[]): void {
  const ids = new Set<string>();
  for (const [index, job] of jobs.entries()) {
    refuseLater(file, job, index);
    if (ids.has(job.id)) throw file.error(["jobs", index, "id"], `There are two jobs with the id ${job.id}`);
    ids.add(job.id);
  }
  for (const [index, job] of jobs.entries()) {
    for (const [place, parent] of (job.depends_on ?? []).entries()) {
      if (ids.has(parent)) continue;
      throw file.error(
        ["jobs", index, "depends_on", place],
        `${job.id} depends on ${shown(parent)}, which is no job of this file.${didYouMean(parent, [...ids])}`,
      );
    }
  }
  const cycle = findCycle(new Map(jobs.map((job) => [job.id, job.depends_on ?? []])));
  if (cycle === null) return;
  const index = jobs.findIndex((job) => job.id === cycle[0]);
  throw file.error(
    ["jobs", index, "depends_on"],
    `Jobs wait for each other in a circle: ${cycle.join(" → ")}`,
  );
}

/** Refused by name, not dropped: a gate that is skipped silently lets through what somebody wanted to look at first. */
function refuseLater(file: SourceFile, job: JobInFile, index: number): void {
  const type = job.type?.toLowerCase() ?? "run";
  if (type === "service")
    throw file.error(["jobs", index, "type"], `${job.id} is a service: Titan does not run services yet`);
  if (type !== "run") {
    throw file.error(
      ["jobs", index, "type"],
      `${job.id} has the type ${shown(job.type)}; the only one is run`,
    );
  }
  if (job.port !== undefined && job.port !== 0) {
    throw file.error(
      ["jobs", index, "port"],
      `${job.id} has a port, which only services have: Titan does not run services yet`,
    );
  }
  for (const key of ["hitl_message", "max_wait_seconds"] as const) {
    if (job[key] === undefined || job[key] === null) continue;
    throw file.error(
      ["jobs", index, key],
      `${job.id} waits for a person's approval (${key}): Titan does not do that yet`,
    );
  }
}

function viewOf(file: SourceFile, job: JobInFile, index: number): PipelineView["jobs"][number] {
  const { cpus, memory, gpus, gpu_model, gpu_memory, labels, timeout_ms, queue_timeout_ms, retries, python } =
    job;
  const resources = {
    cpus,
    memory,
    gpus,
    gpu_model,
    gpu_memory,
    labels,
    timeout_ms,
    queue_timeout_ms,
    retries,
    python,
  };
  return {
    id: job.id,
    file: job.file,
    args: argsOf(file, job, index),
    depends_on: job.depends_on ?? [],
    requirement: job.requirement ?? "GENERAL",
    priority: job.priority ?? 1,
    delay_ms: Math.round((job.delay ?? 0) * 1_000),
    affinity: job.affinity ?? false,
    env: Object.fromEntries(Object.entries(job.env ?? {}).map(([key, value]) => [key, String(value)])),
    resources: Object.fromEntries(Object.entries(resources).filter(([, value]) => value !== undefined)),
  };
}

function argsOf(file: SourceFile, job: JobInFile, index: number): string[] {
  if (job.args === undefined) return [];
  if (typeof job.args !== "string") return job.args.map(String);
  try {
    return split(job.args);
  } catch {
    throw file.error(
      ["jobs", index, "args"],
      `${job.id} has arguments with an open quote: ${shown(job.args)}`,
    );
  }
}

/** A YAML text that can tell where each of its values stands. */
class SourceFile {
  readonly #lines = new LineCounter();
  readonly #document: Document.Parsed;

  constructor(text: string) {
    this.#document = parseDocument(text, {
      lineCounter: this.#lines,
      prettyErrors: false,
      strict: true,
      uniqueKeys: true,
    });
    const problem = this.#document.errors[0];
    if (problem !== undefined) throw this.#at(problem.pos[0], sentence(problem.message));
  }

  value(): unknown {
    if (this.#document.contents === null) throw this.#at(0, "The file is empty");
    try {
      // Bounded: a few nested aliases can stand for a billion values.
      return this.#document.toJS({ maxAliasCount: 100 });
    } catch (error) {
      throw this.#at(0, sentence((error as Error).message));
    }
  }

  /** `bad-yaml` at the value that `path` leads to, or at the nearest one around it. */
  error(path: Path, message: string): TitanError {
    return this.#at(this.#offsetOf(path), message);
  }

  #offsetOf(path: Path): number {
    for (let length = path.length; length > 0; length--) {
      const holder =
        length === 1 ? this.#document.contents : this.#document.getIn(path.slice(0, length - 1), true);
      const key = path[length - 1];
      // The key where there is one: that is what the author wrote wrong, or what the wrong value belongs to.
      if (isMap(holder)) {
        const pair = holder.items.find(
          (item) => isScalar(item.key) && String(item.key.value) === String(key),
        );
        if (isNode(pair?.key) && pair.key.range != null) return pair.key.range[0];
      }
      const node = this.#document.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range != null) return node.range[0];
    }
    return this.#document.contents?.range[0] ?? 0;
  }

  #at(offset: number, message: string): TitanError {
    const { line, col } = this.#lines.linePos(offset);
    return new TitanError("bad-yaml", `line ${Math.max(line, 1)}, column ${Math.max(col, 1)}: ${message}`);
  }
}

function sentence(text: string): string {
  return text.split("\n")[0]!.trim();
}
