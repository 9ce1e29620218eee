import { isFinished, type Job, type JobState, type Node, type State } from "@titan/core";
import type { Store } from "@titan/store";
import { nodeState } from "../views/node-view.ts";
import { family, Histogram, type Sample } from "./text-format.ts";

const JOB_STATES: readonly JobState[] = ["waiting", "running", "succeeded", "failed", "cancelled"];
const NODE_STATES: readonly ReturnType<typeof nodeState>[] = ["up", "silent", "cordoned"];
/** Seconds: from a placement in the same turn of the event loop to a queue of a day. */
const WAIT_BOUNDS = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 86_400,
];

interface Measured {
  readonly state: State;
  onCommitted(listener: (jobs: readonly Job[]) => void): () => void;
}

/** What Prometheus reads: gauges are counted when they are asked for, the rest as it happens. */
export class Metrics {
  readonly #engine: Measured;
  readonly #store: Pick<Store, "counts">;
  readonly #logBytes: () => number;
  readonly #waits = new Histogram(WAIT_BOUNDS);
  /** Running jobs whose wait was counted, with the attempt: their rows come again with every change. */
  readonly #counted = new Map<string, number>();
  readonly #unsubscribe: () => void;

  constructor(engine: Measured, store: Pick<Store, "counts">, logBytes: () => number) {
    this.#engine = engine;
    this.#store = store;
    this.#logBytes = logBytes;
    this.#unsubscribe = engine.onCommitted((jobs) => {
      for (const job of jobs) this.#note(job);
    });
  }

  close(): void {
    this.#unsubscribe();
  }

  /** Text format 0.0.4. */
  async text(): Promise<string> {
    const counts = await this.#store.counts();
    const nodes = [...this.#engine.state.nodes.values()];
    return [
      family(
        "titan_jobs",
        "gauge",
        "Jobs by state.",
        JOB_STATES.map((state) => ({ labels: { state }, value: counts[state] ?? 0 })),
      ),
      family(
        "titan_nodes",
        "gauge",
        "Nodes by state.",
        NODE_STATES.map((state) => countNodes(nodes, state)),
      ),
      this.#waits.text(
        "titan_queue_wait_seconds",
        "From when a job could start to the start of its attempt.",
      ),
      family(
        "titan_log_bytes_total",
        "counter",
        "Bytes of jobs' output taken since the start of the master.",
        [{ value: this.#logBytes() }],
      ),
    ].join("");
  }

  #note(job: Job): void {
    if (job.startedAt !== null && job.readyAt !== null && this.#counted.get(job.id) !== job.attempt) {
      // A job may start and end within one commit; then its end is all that is seen of it.
      const started = job.state === "running" || (isFinished(job.state) && job.attempt > 0);
      if (started) this.#waits.observe(Math.max(0, job.startedAt - job.readyAt) / 1_000);
      if (started && job.state === "running") this.#counted.set(job.id, job.attempt);
    }
    if (isFinished(job.state)) this.#counted.delete(job.id);
  }
}

function countNodes(nodes: readonly Node[], state: ReturnType<typeof nodeState>): Sample {
  return { labels: { state }, value: nodes.filter((node) => nodeState(node) === state).length };
}
