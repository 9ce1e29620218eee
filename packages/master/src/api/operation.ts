/** How a route is described: checked by Fastify, told by OpenAPI. */
import { ProblemView } from "@titan/protocol/schemas";
import type { FastifySchema } from "fastify";
import Type, { type TSchema } from "typebox";

export interface Operation {
  readonly id: string;
  readonly tag: "jobs" | "runs" | "nodes" | "files" | "owners" | "master";
  readonly summary: string;
  readonly params?: TSchema;
  readonly query?: TSchema;
  readonly headers?: TSchema;
  readonly body?: TSchema;
  /** Content types of the body where it is not JSON. */
  readonly consumes?: readonly string[];
  /** Status → schema of a JSON answer, or content type → schema; null for an answer without body. */
  readonly answers: Readonly<Record<number, TSchema | Readonly<Record<string, TSchema>> | null>>;
  /** Answered without a token. */
  readonly open?: boolean;
}

/** A query that takes nothing, so that a misspelt or misplaced one is told and not ignored. */
const NoQuery = Type.Object({}, { additionalProperties: false });
const problem = {
  description: "What went wrong, RFC 9457",
  content: { "application/problem+json": { schema: ProblemView } },
};

/** The schema of a route as Fastify takes it. */
export function describe(operation: Operation): FastifySchema {
  const { id, tag, summary, params, headers, body, consumes, answers } = operation;
  const response: Record<string, unknown> = { "4xx": problem, "5xx": problem };
  for (const [status, answer] of Object.entries(answers)) response[status] = answerSchema(answer);
  return {
    operationId: id,
    summary,
    tags: [tag],
    querystring: operation.query ?? NoQuery,
    response,
    ...(params && { params }),
    ...(headers && { headers }),
    ...(body && { body }),
    ...(consumes && { consumes: [...consumes] }),
    ...(operation.open === true && { security: [] }),
  } as FastifySchema;
}

function answerSchema(answer: TSchema | Readonly<Record<string, TSchema>> | null): unknown {
  if (answer === null) return { description: "Done", type: "null" };
  if (isSchema(answer))
    return { description: "The answer", content: { "application/json": { schema: answer } } };
  return {
    description: "The answer",
    content: Object.fromEntries(Object.entries(answer).map(([type, schema]) => [type, { schema }])),
  };
}

/** Content types have a slash, keywords of a schema do not. */
function isSchema(answer: TSchema | Readonly<Record<string, TSchema>>): answer is TSchema {
  return !Object.keys(answer).some((key) => key.includes("/"));
}

/** The id in the address of a job, run or owner. */
export const IdParams = Type.Object({ id: Type.String({ maxLength: 512 }) });
