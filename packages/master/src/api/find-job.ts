import type { Job } from "@titan/core";
import { TitanError } from "@titan/protocol";
import { isJobId } from "../submit/job-id.ts";
import type { ApiContext } from "./context.ts";

const PREFIX = /^[a-z0-9]{3,11}$/;

/** The job that a whole id, or the start of exactly one, stands for. Throws `job-not-found` or `ambiguous-id`. */
export async function findJob(
  { engine, store }: Pick<ApiContext, "engine" | "store">,
  text: string,
): Promise<Job> {
  const id = isJobId(text) ? text : await expand(store, text);
  const job = id === null ? null : await engine.job(id);
  if (job === null)
    throw new TitanError("job-not-found", `There is no job ${JSON.stringify(text.slice(0, 80))}`);
  return job;
}

async function expand(store: ApiContext["store"], text: string): Promise<string | null> {
  if (!PREFIX.test(text)) return null;
  const ids = await store.jobIds(text, 3);
  if (ids.length <= 1) return ids[0] ?? null;
  throw new TitanError(
    "ambiguous-id",
    `${text} is the start of several job ids: ${ids.join(", ")}${ids.length === 3 ? ", …" : ""}`,
  );
}
