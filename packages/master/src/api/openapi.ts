import type { FastifyInstance } from "fastify";
import Type from "typebox";
import type { ApiContext } from "./context.ts";
import { describe } from "./operation.ts";

export async function openApiRoutes(app: FastifyInstance, _context: ApiContext): Promise<void> {
  let text: string | undefined;
  app.get("/openapi.json", { schema: describe(telling) }, async (_request, reply) => {
    text ??= JSON.stringify(app.swagger());
    return reply.type("application/json; charset=utf-8").send(text);
  });
}

const telling = {
  id: "getOpenApi",
  tag: "master",
  summary: "This document, OpenAPI 3.1",
  answers: { 200: Type.Object({ openapi: Type.String() }, { additionalProperties: true }) },
} as const;
