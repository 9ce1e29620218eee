/** A cluster for one group of rows: master and agent are processes of their own, the client is this one. */
import { join } from "node:path";
import { TitanClient } from "@titan/sdk";
import { Cluster, ROOT, start, until } from "../e2e/cluster.ts";

export interface Bench {
  readonly cluster: Cluster;
  readonly client: TitanClient;
  /** Resolves when the job has ended; fails where it did not succeed. */
  readonly finished: (id: string) => Promise<void>;
  /** Resolves when all jobs of the run have succeeded. */
  readonly runFinished: (run: string, count: number) => Promise<void>;
  /** Reads a job's output while it runs, to its end. */
  readonly follow: (id: string, take: (data: Uint8Array) => void) => Promise<void>;
}

export type BenchNode = { readonly cpus: number } | { readonly noop: true };

const AGENT = join(ROOT, "packages", "agent", "src", "main.ts");

/** A node whose launcher ends every job at once without starting a process: what is left is Titan's own work. */
async function addNoopNode(cluster: Cluster): Promise<void> {
  const node = start(
    [
      AGENT,
      ...["--url", cluster.url, "--state", join(cluster.folder, "noop"), "--launcher", "noop"],
      ...["--node", "name=noop,cpus=1000,mem=1T", "--log-level", "warn"],
    ],
    { ...cluster.env, TITAN_TOKEN: cluster.token },
  );
  cluster.nodes.push(node);
  await until("the noop node joins", () => (node.output().includes('"ready":true') ? true : undefined));
}

export async function withCluster<T>(node: BenchNode, measure: (bench: Bench) => Promise<T>): Promise<T> {
  await using cluster = await Cluster.start();
  if ("noop" in node) await addNoopNode(cluster);
  else await cluster.addNode({ name: "bench", flags: ["--cpus", String(node.cpus), "--gpus", "0"] });
  const client = new TitanClient({ url: cluster.url, token: cluster.token });
  return await measure({
    cluster,
    client,
    finished: async (id) => {
      const job = await client.wait(id);
      if (job.state !== "succeeded") throw new Error(`${job.name} ${job.state}: ${job.reason}`);
    },
    runFinished: async (run, count) => {
      const view = await client.waitRun(run);
      if (view.counts.succeeded !== count)
        throw new Error(`run ${run}: ${JSON.stringify(view.counts)} of ${count}`);
    },
    follow: async (id, take) => {
      for await (const piece of client.logBytes(id, { follow: true, stream: "stdout" })) take(piece.bytes);
    },
  });
}
