import { Deadlines } from "./deadlines.ts";
import type { Attempt, FinishedJob, Follow, Job, Node, Requirement } from "./model.ts";
import type { Shape } from "./queue.ts";

/** What live attempts hold of a node. */
export interface Used {
  cpuMillis: number;
  memoryBytes: number;
  /** Device index → the job that holds it. */
  devices: Map<number, string>;
}

export interface NodeUse extends Used {
  /** Jobs that hold something of the node, with what they hold. */
  readonly holders: Map<string, { readonly requirement: Requirement; readonly devices: readonly number[] }>;
  /** Jobs whose live attempt is here, exited ones too. */
  readonly attempts: Set<string>;
}

export interface Run {
  /** Unfinished jobs of the run. */
  readonly live: Set<string>;
  /** The job of the run that finished last on a node, by (`finishedAt`, `seq`). */
  lastFinished: FinishedJob | null;
  /** How many of its jobs are among `finished`: the run is forgotten when it has neither these nor live ones. */
  finished: number;
}

/**
 * Everything that the rules look at. Rows first, then what is derived from them: a state built from its rows equals
 * the one that grew change by change, which a property test holds us to.
 */
export interface Memory {
  /** Unfinished jobs only. */
  readonly jobs: Map<string, Job>;
  /** By job: its live attempt, which is not `ended`. There is never more than one. */
  readonly attempts: Map<string, Attempt>;
  readonly nodes: Map<string, Node>;
  /** `series NUL name` → follower's name → row. */
  readonly follows: Map<string, Map<string, Follow>>;
  /** The newest finished jobs, oldest first, at most `finishedMax`. */
  readonly finished: Map<string, FinishedJob>;
  readonly finishedMax: number;
  lastSeq: number;

  /** Ready jobs by shape. */
  readonly shapes: Map<string, Shape>;
  /** Ready job → its shape. */
  readonly queued: Map<string, Shape>;
  /** Waiting job → how many of its parents have not succeeded yet. */
  readonly pending: Map<string, number>;
  /** Unfinished parent → its waiting children. */
  readonly children: Map<string, Set<string>>;
  /** Job → unfinished jobs that want its node by affinity. */
  readonly followers: Map<string, Set<string>>;
  /** Series → ready jobs of it, whose shape depends on what is remembered of the series. */
  readonly series: Map<string, Set<string>>;
  /** Delays, back-offs and queue timeouts of waiting jobs. */
  readonly deadlines: Deadlines;
  readonly use: Map<string, NodeUse>;
  /** Nodes that are not connected. */
  readonly silent: Set<string>;
  readonly runs: Map<string, Run>;
}

type ReadOnly<T> =
  T extends Map<infer K, infer V>
    ? ReadonlyMap<
        K,
        V extends Map<infer L, infer W> ? ReadonlyMap<L, W> : V extends Set<infer W> ? ReadonlySet<W> : V
      >
    : T extends Set<infer V>
      ? ReadonlySet<V>
      : T;

/** The memory of the master as everyone but `apply` sees it. */
export type State = { readonly [K in keyof Memory]: ReadOnly<Memory[K]> };

/** How many finished jobs are kept at hand for parents and affinity; about 300 bytes each. */
export const FINISHED_MAX = 50_000;

export function emptyMemory(finishedMax: number): Memory {
  return {
    jobs: new Map(),
    attempts: new Map(),
    nodes: new Map(),
    follows: new Map(),
    finished: new Map(),
    finishedMax,
    lastSeq: 0,
    shapes: new Map(),
    queued: new Map(),
    pending: new Map(),
    children: new Map(),
    followers: new Map(),
    series: new Map(),
    deadlines: new Deadlines(),
    use: new Map(),
    silent: new Set(),
    runs: new Map(),
  };
}

/** Key of `State.follows`: neither part can hold a NUL. */
export function followKey(series: string, name: string): string {
  return `${series}\u0000${name}`;
}

const NOTHING_USED: Used = { cpuMillis: 0, memoryBytes: 0, devices: new Map() };

/** What is held of a node; never to be changed by the caller. */
export function usedOf(state: State, nodeId: string): Used {
  return state.use.get(nodeId) ?? NOTHING_USED;
}

/** Whether a waiting job sits out a delay or a back-off. When it is over, `tick` moves `readyAt` up to now. */
export function isDelayed(job: Job): boolean {
  return job.readyAt !== null && job.notBefore > job.readyAt;
}

/** The jobs whose node an affine job wants: parents where it has any, else its upstream. */
export function followed(job: Job): readonly string[] {
  if (job.affinity === "none") return [];
  return job.parents.length > 0 ? job.parents : job.upstream;
}

/** Order in which jobs finished; those of one instant by their order of submission. */
export function endedAfter(job: FinishedJob, other: FinishedJob | null): boolean {
  if (other === null) return true;
  const later = (job.finishedAt ?? 0) - (other.finishedAt ?? 0);
  return later > 0 || (later === 0 && job.seq > other.seq);
}
