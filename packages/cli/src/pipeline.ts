/** The jobs of a pipeline file, with the scripts that lie beside it. */
import { join, normalize } from "node:path";
import type { PipelineView } from "@titan/protocol";
import type { JobInput, LocalFile } from "@titan/sdk";
import { folderFiles, scriptFile } from "@titan/sdk";
import { pathWithin } from "./local-files.ts";

/** `folder` is the file's own. A project brings all of it to each job; otherwise each job brings its script only. */
export async function pipelineJobs(pipeline: PipelineView, folder: string): Promise<JobInput[]> {
  const project = pipeline.project ? await folderFiles(folder) : [];
  return await Promise.all(pipeline.jobs.map((job) => toJob(job, folder, project)));
}

async function toJob(
  job: PipelineView["jobs"][number],
  folder: string,
  project: readonly LocalFile[],
): Promise<JobInput> {
  const path = normalize(join(folder, job.file));
  const script = await scriptFile(path, pathWithin(path, folder));
  return {
    ...job.resources,
    name: job.id,
    script: script.path,
    args: job.args,
    env: job.env,
    parents: job.depends_on,
    requirement: job.requirement,
    priority: job.priority,
    delay_ms: job.delay_ms,
    affinity: job.affinity,
    local: [script, ...project.filter((file) => file.path !== script.path)],
  };
}
