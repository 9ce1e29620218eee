import { type Submission, TitanError } from "@titan/protocol";
import type { SubmissionRow } from "@titan/store";
import type { ApiContext } from "../api/context.ts";
import { type KnownJobs, resolveSubmission } from "./resolve.ts";

type Parts = Pick<ApiContext, "engine" | "store" | "blobs" | "owners" | "idempotency">;

/** Takes a submission that fits the schema. Resolves once it is durable; `answer` is the JSON of `Submitted`. */
export async function submit(
  parts: Parts,
  submission: Submission,
  body: string,
  key: string | undefined,
): Promise<{ answer: string; repeated: boolean }> {
  if (key === undefined) return { answer: await take(parts, submission), repeated: false };
  return parts.idempotency.answer(key, body, (row) => take(parts, submission, row));
}

async function take(
  parts: Parts,
  submission: Submission,
  row?: (answer: string) => SubmissionRow,
): Promise<string> {
  const { engine, store, owners } = parts;
  const known: KnownJobs = {
    job: (id) => engine.job(id),
    newestNamed: async (runId, name) => (await store.jobs({ runId, name, limit: 1 }))[0] ?? null,
    // What memory has, the core finds by itself.
    lastFinished: async (runId) =>
      engine.state.runs.get(runId)?.lastFinished ? null : store.lastFinished(runId),
  };
  const { command, payloads, answer } = await resolveSubmission(submission, known);
  await checkFiles(parts, submission);
  await engine.execute(command, row === undefined ? { payloads } : { payloads, submission: row(answer) });
  if (submission.owner != null) owners.submitted(submission.owner.id, submission.owner.grace_ms);
  return answer;
}

/** Throws `unknown-blob` naming the first file whose content the master does not have. */
async function checkFiles({ blobs }: Parts, { jobs }: Submission): Promise<void> {
  const asked = new Map<string, string>();
  for (const [index, job] of jobs.entries()) {
    for (const [place, file] of (job.files ?? []).entries()) {
      if (!asked.has(file.sha256)) asked.set(file.sha256, `jobs[${index}].files[${place}].sha256`);
    }
  }
  if (asked.size === 0) return;
  const [missing] = await blobs.missing([...asked.keys()]);
  if (missing === undefined) return;
  throw new TitanError("unknown-blob", `The master does not have the content ${missing}`, {
    field: asked.get(missing)!,
  });
}
