import { PipelineView } from "@titan/protocol/schemas";
import type { FastifyInstance } from "fastify";
import type { ApiContext } from "./context.ts";
import { json } from "./jobs.ts";
import { describe } from "./operation.ts";

const TYPES = ["text/plain", "application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml"];

export async function yamlRoutes(app: FastifyInstance, _context: ApiContext): Promise<void> {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(TYPES, { parseAs: "string" }, (_request, body, done) => done(null, body));
  app.post("/yaml", { schema: describe(reading) }, async (request, reply) => {
    // Loaded when first used: the YAML parser costs 40 ms of every start otherwise.
    const { readPipeline } = await import("../yaml/pipeline.ts");
    return json(reply, readPipeline((request.body as string | undefined) ?? ""));
  });
}

const reading = {
  id: "readPipeline",
  tag: "jobs",
  summary: "Read and check a pipeline file; nothing is submitted",
  consumes: TYPES,
  answers: { 200: PipelineView },
} as const;
