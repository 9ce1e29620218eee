/**
 * The HTTP API, schema by schema: what the master checks requests against, what OpenAPI is made from, and where the
 * types of both SDKs come from. Fields are snake_case; times are ISO 8601 strings ending in `_at`; durations end in
 * `_ms`; memory is bytes, or a string with a unit where a person may have typed it.
 */
import Type from "typebox";

const closed = { additionalProperties: false } as const;
const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const Time = Type.String({ format: "date-time" });
const DAY_MS = 86_400_000;

/** Letters, digits, `.`, `_` and `-`, not starting with `.` or `-`: safe in a path, a URL, a shell and a log line. */
export const NAME_PATTERN = "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$";
const Name = Type.String({
  pattern: NAME_PATTERN,
  description: "letters, digits, '.', '_' and '-', at most 128, not starting with '.' or '-'",
});
const Sha256 = Type.String({ pattern: "^[0-9a-f]{64}$" });
const Text = (max: number) => Type.String({ maxLength: max, pattern: "^[^\\u0000]*$" });
const DurationMs = (max: number) => Type.Integer({ minimum: 1, maximum: max });

const Memory = Type.Union(
  [
    Type.Integer({ minimum: 1, maximum: 2 ** 50 }),
    Type.String({ pattern: "^[0-9]+(\\.[0-9]+)?\\s*([KMGTkmgt]i?)?[Bb]?$", maxLength: 32 }),
  ],
  { description: "bytes, or text such as 512M, 24GB (both powers of 1024: GB is GiB)" },
);
const LabelsMap = Type.Record(Type.String({ pattern: NAME_PATTERN }), Type.String({ maxLength: 256 }), {
  maxProperties: 64,
  ...closed,
});

const FileRef = Type.Object(
  {
    path: Type.String({
      minLength: 1,
      maxLength: 1024,
      pattern: "^(?!/)(?![\\s\\S]*(^|/)\\.\\.(/|$))[^\\u0000]+$",
      description: "relative, with '/', without '..'",
    }),
    sha256: Sha256,
    size: Type.Integer({ minimum: 0 }),
    executable: Type.Optional(Type.Boolean()),
  },
  closed,
);

/** One job as its author describes it. */
export const JobSpec = Type.Object(
  {
    name: Name,
    command: Type.Optional(
      Type.Array(Text(131_072), {
        minItems: 1,
        maxItems: 10_000,
        description: "argument list, started without a shell",
      }),
    ),
    script: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 1024,
        description: "path of the entry within files; instead of command",
      }),
    ),
    args: Type.Optional(Type.Array(Text(131_072), { maxItems: 10_000 })),
    env: Type.Optional(
      Type.Record(Type.String({ pattern: "^[^=\\u0000]+$", maxLength: 256 }), Text(131_072), {
        maxProperties: 1_000,
        ...closed,
      }),
    ),
    python: Type.Optional(Nullable(Text(4_096))),
    files: Type.Optional(Type.Array(FileRef, { maxItems: 20_000 })),
    requirement: Type.Optional(
      Type.String({
        pattern: NAME_PATTERN,
        description: "GENERAL, GPU, HIGH_MEM, or a label that the node must have",
      }),
    ),
    cpus: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 100_000, multipleOf: 0.001 })),
    memory: Type.Optional(Memory),
    gpus: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_024 })),
    gpu_model: Type.Optional(Nullable(Text(128))),
    gpu_memory: Type.Optional(Memory),
    labels: Type.Optional(LabelsMap),
    parents: Type.Optional(
      Type.Array(Type.String({ maxLength: 256 }), {
        maxItems: 10_000,
        description: "names in this submission or run, or job ids",
      }),
    ),
    upstream: Type.Optional(
      Type.Array(Type.String({ maxLength: 256 }), {
        maxItems: 1_000,
        description:
          "names in this run, or job ids, that affinity may mean; not waited for, unknown ones ignored",
      }),
    ),
    affinity: Type.Optional(Type.Union([Type.Boolean(), Type.Literal("required")])),
    priority: Type.Optional(
      Type.Integer({ minimum: -1_000_000, maximum: 1_000_000, description: "higher first; 1 where absent" }),
    ),
    delay_ms: Type.Optional(Type.Integer({ minimum: 0, maximum: 366 * DAY_MS })),
    timeout_ms: Type.Optional(Nullable(DurationMs(366 * DAY_MS))),
    queue_timeout_ms: Type.Optional(Nullable(DurationMs(366 * DAY_MS))),
    grace_ms: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 3_600_000,
        description: "between the polite signal and the deadly one; 5000 where absent",
      }),
    ),
    retries: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000 })),
    retry_backoff_ms: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: DAY_MS,
        description: "before the first retry; doubles each time; 1000 where absent",
      }),
    ),
  },
  closed,
);

/** Up to 10,000 jobs, taken all together or not at all. */
export const Submission = Type.Object(
  {
    run: Type.Optional(
      Nullable(
        Type.Object(
          {
            id: Type.Optional(Name),
            series: Type.Optional(Nullable(Text(512))),
          },
          closed,
        ),
      ),
    ),
    owner: Type.Optional(
      Nullable(
        Type.Object(
          {
            id: Text(512),
            grace_ms: Type.Optional(
              Type.Integer({ minimum: 0, maximum: DAY_MS, description: "30000 where absent" }),
            ),
          },
          closed,
        ),
      ),
    ),
    jobs: Type.Array(JobSpec, { minItems: 1, maxItems: 10_000 }),
  },
  closed,
);

export const Submitted = Type.Object({
  run: Nullable(Type.String()),
  jobs: Type.Array(Type.Object({ id: Type.String(), name: Type.String() })),
});

export const RequirementView = Type.Object({
  cpus: Type.Number(),
  memory: Type.Integer(),
  gpus: Type.Integer(),
  gpu_model: Nullable(Type.String()),
  gpu_memory: Type.Integer(),
  labels: Type.Record(Type.String(), Type.String()),
});

export const JobState = Type.Union([
  Type.Literal("waiting"),
  Type.Literal("running"),
  Type.Literal("succeeded"),
  Type.Literal("failed"),
  Type.Literal("cancelled"),
]);

/** A job as lists show it. `reason` is one line for people: why it waits, or why it ended. */
export const JobView = Type.Object({
  id: Type.String(),
  name: Type.String(),
  run: Nullable(Type.String()),
  state: JobState,
  reason: Type.String(),
  cause: Nullable(Type.String()),
  exit_code: Nullable(Type.Integer()),
  signal: Nullable(Type.String()),
  node: Nullable(Type.String()),
  devices: Type.Array(Type.Integer()),
  attempt: Type.Integer(),
  requirement: RequirementView,
  priority: Type.Integer(),
  submitted_at: Time,
  started_at: Nullable(Time),
  finished_at: Nullable(Time),
  waited_ms: Type.Integer({ description: "from submission to the start of the latest attempt, or to now" }),
  ran_ms: Nullable(Type.Integer()),
});

export const AttemptView = Type.Object({
  number: Type.Integer(),
  state: Type.String(),
  node: Nullable(Type.String()),
  devices: Type.Array(Type.Integer()),
  cause: Nullable(Type.String()),
  exit_code: Nullable(Type.Integer()),
  signal: Nullable(Type.String()),
  message: Type.String(),
  max_rss: Type.Integer({ description: "bytes" }),
  placed_at: Time,
  started_at: Nullable(Time),
  ended_at: Nullable(Time),
});

export const JobDetail = Type.Intersect([
  JobView,
  Type.Object({
    series: Nullable(Type.String()),
    owner: Nullable(Type.String()),
    parents: Type.Array(Type.String()),
    affinity: Type.Union([Type.Boolean(), Type.Literal("required")]),
    note: Type.String(),
    attempts: Type.Array(AttemptView),
  }),
]);

export const JobList = Type.Object({ jobs: Type.Array(JobView), next: Nullable(Type.String()) });

/** Newest first. `name` may carry the prefix `DAG-`. */
export const JobListQuery = Type.Object(
  {
    state: Type.Optional(Type.String({ description: "one or more states, separated by commas" })),
    run: Type.Optional(Type.String()),
    name: Type.Optional(Type.String()),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, default: 100 })),
    cursor: Type.Optional(Type.String({ maxLength: 64 })),
  },
  closed,
);

/** `wait_ms`: answer when the job or run has ended, or when this time is over, whichever is first. */
export const WaitQuery = Type.Object(
  { wait_ms: Type.Optional(Type.Integer({ minimum: 0, maximum: 60_000 })) },
  closed,
);

export const RunView = Type.Object({
  id: Type.String(),
  state: Type.Union([
    Type.Literal("running"),
    Type.Literal("succeeded"),
    Type.Literal("failed"),
    Type.Literal("cancelled"),
  ]),
  counts: Type.Record(Type.String(), Type.Integer()),
});

export const NodeView = Type.Object({
  id: Type.String(),
  name: Type.String(),
  state: Type.Union([Type.Literal("up"), Type.Literal("silent"), Type.Literal("cordoned")]),
  cpus: Type.Number(),
  cpus_used: Type.Number(),
  memory: Type.Integer(),
  memory_used: Type.Integer(),
  gpus: Type.Array(
    Type.Object({
      index: Type.Integer(),
      vendor: Type.String(),
      model: Type.String(),
      memory: Type.Integer(),
      job: Nullable(Type.String()),
    }),
  ),
  labels: Type.Record(Type.String(), Type.String()),
  jobs: Type.Array(Type.String()),
  about: Type.Record(Type.String(), Type.String()),
  joined_at: Time,
  silent_at: Nullable(Time),
});

/** Why a job waits: one sentence, whether it can ever run, and each node's shortfalls. */
export const WhyView = Type.Object({
  id: Type.String(),
  name: Type.String(),
  state: JobState,
  reason: Type.String(),
  possible: Type.Boolean({ description: "whether some node that is connected now could ever hold it" }),
  ahead: Type.Integer({ description: "waiting jobs that come before it" }),
  nodes: Type.Array(
    Type.Object({
      node: Type.String(),
      fits: Type.Union([Type.Literal("now"), Type.Literal("later"), Type.Literal("never")]),
      misses: Type.Array(Type.Object({ what: Type.String(), need: Type.String(), has: Type.String() })),
    }),
  ),
});

/**
 * One piece of a log, or its end. Records of `application/x-ndjson`, one a line. `cursor` goes into `after` to go on
 * behind this record. A stream that stops without an `end` record was cut off: it is not the end of the log.
 */
export const LogRecord = Type.Object({
  cursor: Type.String(),
  attempt: Type.Integer(),
  stream: Type.Optional(Type.Union([Type.Literal("stdout"), Type.Literal("stderr"), Type.Literal("titan")])),
  offset: Type.Optional(
    Type.Integer({ description: "of this piece in the attempt's log, all streams together" }),
  ),
  at: Type.Optional(Time),
  data: Type.Optional(Type.String({ description: "base64 of the exact bytes" })),
  end: Type.Optional(Type.Boolean({ description: "the job has ended and this was its last byte" })),
});

/** Asked with `Accept: text/plain` the answer is the bare bytes instead of records. */
export const LogQuery = Type.Object(
  {
    follow: Type.Optional(Type.Boolean({ default: false })),
    attempt: Type.Optional(Type.Integer({ minimum: 1, description: "all attempts, in order, where absent" })),
    stream: Type.Optional(
      Type.Union([Type.Literal("stdout"), Type.Literal("stderr"), Type.Literal("titan")]),
    ),
    after: Type.Optional(Type.String({ pattern: "^[0-9]+:[0-9]+$", description: "a record's cursor" })),
    tail_bytes: Type.Optional(
      Type.Integer({ minimum: 1, description: "only the end of the latest attempt's log" }),
    ),
  },
  closed,
);

/** Files kept under a name, for jobs of later submissions. */
export const Upload = Type.Object({ name: Name, files: Type.Array(FileRef, { maxItems: 20_000 }) }, closed);

/** What a job of a pipeline file may ask in a job spec's own words. */
export const PipelineAmounts = Type.Pick(JobSpec, [
  "cpus",
  "memory",
  "gpus",
  "gpu_model",
  "gpu_memory",
  "labels",
  "timeout_ms",
  "queue_timeout_ms",
  "retries",
  "python",
]);

/** A pipeline file, read and checked: what `POST /yaml` answers. Scripts are paths relative to the file. */
export const PipelineView = Type.Object({
  name: Type.String(),
  project: Type.Boolean(),
  jobs: Type.Array(
    Type.Object({
      id: Type.String(),
      file: Type.String(),
      args: Type.Array(Type.String()),
      depends_on: Type.Array(Type.String()),
      requirement: Type.String(),
      priority: Type.Integer(),
      delay_ms: Type.Integer(),
      affinity: Type.Union([Type.Boolean(), Type.Literal("required")]),
      env: Type.Record(Type.String(), Type.String()),
      resources: Type.Partial(PipelineAmounts),
    }),
  ),
});

export const Info = Type.Object({
  version: Type.String(),
  url: Type.String(),
  pid: Type.Integer(),
  started_at: Time,
  nodes: Type.Integer(),
  jobs: Type.Record(Type.String(), Type.Integer()),
});

/** RFC 9457. */
export const ProblemView = Type.Object({
  type: Type.String(),
  code: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String(),
  hint: Type.String(),
  field: Type.Optional(Type.String()),
});
