/** What a pipeline file may hold: the older format, and Titan's own amounts. */
import { JobSpec, NAME_PATTERN, PipelineAmounts } from "@titan/protocol/schemas";
import Type from "typebox";

const closed = { additionalProperties: false } as const;
const amounts = PipelineAmounts.properties;

const Scalar = Type.Union([Type.String(), Type.Number(), Type.Boolean()], {
  description: "text, a number, true or false",
});

export const PipelineJob = Type.Object(
  {
    id: Type.String({
      pattern: NAME_PATTERN,
      description: "letters, digits, '.', '_' and '-', at most 128, not starting with '.' or '-'",
    }),
    file: Type.String({ minLength: 1, maxLength: 1024 }),
    type: Type.Optional(Type.String()),
    depends_on: Type.Optional(Type.Array(Type.String(), { maxItems: 10_000 })),
    requirement: Type.Optional(JobSpec.properties.requirement),
    priority: Type.Optional(JobSpec.properties.priority),
    delay: Type.Optional(
      Type.Number({ minimum: 0, maximum: 366 * 86_400, description: "seconds, at least 0" }),
    ),
    affinity: Type.Optional(JobSpec.properties.affinity),
    args: Type.Optional(
      Type.Union([Type.String(), Type.Array(Scalar, { maxItems: 10_000 })], {
        description: "a line as for a shell, or a list",
      }),
    ),
    env: Type.Optional(Type.Record(Type.String({ pattern: "^[^=\\u0000]+$" }), Scalar)),
    // Known, so that they are refused for what they are and not as misspelt words.
    port: Type.Optional(Type.Unknown()),
    hitl_message: Type.Optional(Type.Unknown()),
    max_wait_seconds: Type.Optional(Type.Unknown()),
    ...amounts,
  },
  closed,
);

export const PipelineFile = Type.Object(
  {
    name: Type.Optional(
      Type.String({ pattern: NAME_PATTERN, description: "letters, digits, '.', '_' and '-', at most 128" }),
    ),
    version: Type.Optional(Type.Unknown()),
    /** Whether each job gets the whole folder of the file, not its script alone. */
    project: Type.Optional(Type.Boolean()),
    jobs: Type.Array(PipelineJob, { minItems: 1, maxItems: 10_000 }),
  },
  closed,
);
