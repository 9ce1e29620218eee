/** What `submit` takes: the wire's job specs, and the local files that must reach the master first. */
import type { JobSpec, Submission } from "@titan/protocol";

export type FileRef = NonNullable<JobSpec["files"]>[number];

/** One file for a job: its place and hash, and where its bytes come from. */
export interface LocalFile extends FileRef {
  /** Opens the bytes; asked again at each try. */
  readonly open: () => AsyncIterable<Uint8Array>;
}

/** A job spec in the wire's own words, with `local` files that are uploaded before the job is submitted. */
export type JobInput = JobSpec & { readonly local?: readonly LocalFile[] };

export type SubmissionInput = Omit<Submission, "jobs"> & { readonly jobs: readonly JobInput[] };

export function localFiles(jobs: readonly JobInput[]): LocalFile[] {
  return jobs.flatMap((job) => job.local ?? []);
}

/** The spec as it goes over the wire: local files are named in `files`. */
export function toSpec(job: JobInput): JobSpec {
  if (job.local === undefined) return job;
  const { local, ...spec } = job;
  return { ...spec, files: [...(spec.files ?? []), ...local.map(toFileRef)] };
}

export function toFileRef({ path, sha256, size, executable }: LocalFile): FileRef {
  return executable === undefined ? { path, sha256, size } : { path, sha256, size, executable };
}
