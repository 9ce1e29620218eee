import { NodeView } from "@titan/protocol/schemas";
import type { FastifyInstance } from "fastify";
import Type from "typebox";
import { nodeView } from "../views/node-view.ts";
import type { ApiContext } from "./context.ts";
import { json } from "./jobs.ts";
import { describe } from "./operation.ts";

export async function nodeRoutes(app: FastifyInstance, { engine }: ApiContext): Promise<void> {
  app.get("/nodes", { schema: describe(listing) }, async (_request, reply) => {
    const { state } = engine;
    const nodes = [...state.nodes.values()].map((node) => nodeView(node, state));
    return json(reply, { nodes: nodes.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)) });
  });
}

const listing = {
  id: "listNodes",
  tag: "nodes",
  summary: "Nodes by name, with what they have and what of it is in use",
  answers: { 200: Type.Object({ nodes: Type.Array(NodeView) }) },
} as const;
