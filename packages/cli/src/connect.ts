/** The master that a command talks to. */
import type { JobDetail } from "@titan/sdk";
import { TitanClient, TitanError } from "@titan/sdk";

interface Where {
  readonly flags: { readonly url: string | undefined };
}

/** For one quick question: an absent master is said at once. */
export function connect({ flags }: Where): TitanClient {
  return new TitanClient({ url: flags.url, retryWindowMs: 0 });
}

/** For commands that stay: an absent master is said at once, one that goes away later is waited for. */
export async function connectPatiently({ flags }: Where): Promise<TitanClient> {
  const client = new TitanClient({ url: flags.url });
  await client.check();
  return client;
}

/** A job by its id, the beginning of one, or its name (the latest of that name). Throws `job-not-found`. */
export async function findJob(client: TitanClient, word: string): Promise<JobDetail> {
  if (!word.startsWith("DAG-") && /^[a-z0-9]{3,}$/.test(word)) {
    try {
      return await client.job(word);
    } catch (error) {
      if (!(error instanceof TitanError) || error.code !== "job-not-found") throw error;
    }
  }
  if (word === "") throw new TitanError("job-not-found", "a job has an id or a name, not nothing at all");
  const { jobs } = await client.jobs({ name: word, limit: 1 });
  if (jobs[0] === undefined) {
    throw new TitanError("job-not-found", `there is no job with the id or name ${JSON.stringify(word)}`);
  }
  return await client.job(jobs[0].id);
}
