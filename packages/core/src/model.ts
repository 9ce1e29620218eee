/**
 * The nouns. Everything here is plain data: a row that the store keeps, or a value that such a row holds.
 * Times are milliseconds since the epoch and end in `At` or `Until`; amounts carry their unit.
 */

/** What a job may ask of a node, in amounts. Milli-CPUs, so that fractions add up exactly. */
export interface Amounts {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly gpus: number;
}

/** A fact about a node, or what a job asks of one: both sides must carry the same value. */
export type Labels = Readonly<Record<string, string>>;

export interface Requirement extends Amounts {
  /** Case-insensitive part of the device's model, such as `A100`; null takes any. */
  readonly gpuModel: string | null;
  /** Least memory of each device asked for; 0 takes any. */
  readonly gpuMemoryBytes: number;
  readonly labels: Labels;
}

/** One accelerator. `index` is what the vendor's own numbering says, and what the job is shown. */
export interface Device {
  readonly index: number;
  readonly vendor: "nvidia" | "amd" | "declared";
  readonly model: string;
  readonly memoryBytes: number;
  readonly uuid: string | null;
}

export interface Capacity {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly devices: readonly Device[];
}

/** `open` takes new attempts, `cordoned` takes none. The operator's wish, apart from whether the node is there. */
export type Admission = "open" | "cordoned";

export interface Node {
  /** Made once by the agent and kept in its state folder. */
  readonly id: string;
  readonly name: string;
  readonly capacity: Capacity;
  readonly labels: Labels;
  readonly admission: Admission;
  /** Free facts for people: host, os, arch, agent version, python, what the probe found. */
  readonly about: Readonly<Record<string, string>>;
  /** The boot of the machine: another value proves that nothing started before it still runs. */
  readonly bootId: string;
  readonly connected: boolean;
  readonly joinedAt: number;
  /** When it was last heard of: kept up to date only while `connected` is false. */
  readonly silentAt: number | null;
}

/** waiting → running → one of the three ends; a retry goes back to waiting. */
export type JobState = "waiting" | "running" | "succeeded" | "failed" | "cancelled";

/** starting → running → exited → ended. Devices are free from `exited` on; `ended` means that the log is whole. */
export type AttemptState = "starting" | "running" | "exited" | "ended";

/** Why something ended. A closed set: every end has exactly one. */
export type Cause =
  | "exit" // ran to its own end; the exit code tells
  | "signal" // died of a signal that Titan did not send
  | "timeout" // ran longer than it was allowed
  | "cancelled" // somebody asked for it
  | "owner-gone" // the process that the job belonged to went away
  | "queue-timeout" // found no place in the time allowed
  | "parent-failed" // a job that it waited for did not succeed
  | "affinity-impossible" // `affinity: required`, and that node can never hold it
  | "launch-failed" // the node could not start it
  | "node-lost"; // the node fell silent and its time ran out

export interface Exit {
  readonly cause: Cause;
  readonly code: number | null;
  readonly signal: string | null;
  /** One line for people; empty where the cause says it all. */
  readonly message: string;
  readonly maxRssBytes: number;
  readonly cpuMs: number;
}

/** How strongly a job wants the node of the job that it follows. */
export type Affinity = "none" | "preferred" | "required";

export interface RetryPolicy {
  /** Attempts after the first. */
  readonly max: number;
  readonly backoffMs: number;
}

export interface Job {
  readonly id: string;
  /** Order of submission, unique. */
  readonly seq: number;
  /** What its author calls it: unique among the live jobs of nothing, so always looked up with its run. */
  readonly name: string;
  readonly runId: string | null;
  /** What this run is one of many of: memory of what follows what is kept by (series, name). */
  readonly series: string | null;
  /** Who it belongs to: when this owner is gone for its grace, the job is cancelled. */
  readonly ownerId: string | null;
  readonly requirement: Requirement;
  /** Ids of jobs that must succeed first. */
  readonly parents: readonly string[];
  /** Ids of jobs that it follows without waiting for them (the asset's upstream): affinity looks here after `parents`. */
  readonly upstream: readonly string[];
  readonly affinity: Affinity;
  readonly priority: number;
  readonly retry: RetryPolicy;
  readonly timeoutMs: number | null;
  readonly queueTimeoutMs: number | null;
  /** Between the polite signal and the deadly one. */
  readonly graceMs: number;
  readonly delayMs: number;
  readonly submittedAt: number;

  readonly state: JobState;
  /** Number of the latest attempt; 0 before the first. The fence: reports of a lower one change nothing. */
  readonly attempt: number;
  /** Set when all parents have succeeded; the delay and the queue timeout count from here. */
  readonly readyAt: number | null;
  /** Not placed before this: the delay, or the back-off of a retry. */
  readonly notBefore: number;
  readonly nodeId: string | null;
  readonly devices: readonly number[];
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
  /** Set once a cancel was asked for; the cause that the job will end with. */
  readonly cancel: "cancelled" | "owner-gone" | null;
  readonly exit: Exit | null;
  /** One line on the last thing that the scheduler had to say, such as an affinity that could not hold. */
  readonly note: string;
}

/** The attempt is the assignment: job × node × devices. */
export interface Attempt {
  readonly jobId: string;
  readonly number: number;
  readonly nodeId: string;
  readonly devices: readonly number[];
  readonly state: AttemptState;
  readonly placedAt: number;
  readonly startedAt: number | null;
  readonly exitedAt: number | null;
  readonly endedAt: number | null;
  readonly exit: Exit | null;
  /** Bytes that the attempt wrote, per stream, known at its exit; the attempt ends when the master has them all. */
  readonly logBytes: LogBytes | null;
}

export interface LogBytes {
  readonly stdout: number;
  readonly stderr: number;
  readonly titan: number;
}

/**
 * What followed what in earlier runs of a series: `name` was followed, with affinity, by `follower`,
 * which needed `requirement`. Lets the first step of the next run be placed where both fit.
 */
export interface Follow {
  readonly series: string;
  readonly name: string;
  readonly follower: string;
  readonly requirement: Requirement;
}

/** The part of a finished job that later submissions may refer to. */
export type FinishedJob = Pick<
  Job,
  "id" | "seq" | "name" | "runId" | "state" | "nodeId" | "finishedAt" | "exit"
>;

export type AttemptRef = { readonly jobId: string; readonly number: number };
