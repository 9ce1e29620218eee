/** How long one job takes from submit to its result at the client, alone and in a chain. */
import type { Floors } from "../floors.ts";
import { type Group, median, type Row, row } from "../row.ts";
import { withCluster } from "../with-cluster.ts";

const SAMPLES = 60;
const CHAIN = 100;

/** The least that anyone could do who keeps the promise: start a process and remember durably that it ended. */
async function floorMs(floors: Floors): Promise<number> {
  return (await floors.spawnMs()) + (await floors.commitMs());
}

async function measure(floors: Floors): Promise<Row[]> {
  const floor = await floorMs(floors);
  return await withCluster({ cpus: 2 }, async ({ client, finished }) => {
    const alone: number[] = [];
    for (let index = 0; index < SAMPLES + 10; index++) {
      const started = performance.now();
      const { jobs } = await client.submit({ jobs: [{ name: "one", command: ["/bin/true"] }] });
      await finished(jobs[0]?.id ?? "");
      // The first ones warm up both sides.
      if (index >= 10) alone.push(performance.now() - started);
    }
    const chain = Array.from({ length: CHAIN }, (_, index) => ({
      name: `link-${index}`,
      command: ["/bin/true"],
      ...(index === 0 ? {} : { parents: [`link-${index - 1}`] }),
    }));
    const edges: number[] = [];
    for (let round = 0; round < 3; round++) {
      const started = performance.now();
      const { jobs } = await client.submit({ jobs: chain });
      await finished(jobs.at(-1)?.id ?? "");
      edges.push((performance.now() - started) / CHAIN);
    }
    return [
      row("one-job", median(alone), "ms", floor, "spawn + durable commit"),
      row("chain-100", median(edges), "ms/edge", floor, "spawn + durable commit"),
    ];
  });
}

export const latency: Group = { rows: ["one-job", "chain-100"], measure };
