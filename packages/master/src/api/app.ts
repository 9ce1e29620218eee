import swagger from "@fastify/swagger";
import { API_PREFIX, VERSION } from "@titan/protocol";
import { type FastifyInstance, fastify } from "fastify";
import { installAuthorization } from "./authorization.ts";
import { blobRoutes } from "./blobs.ts";
import type { ApiContext } from "./context.ts";
import { asTitanError, installErrors, sendProblem } from "./errors.ts";
import { infoRoutes } from "./info.ts";
import { jobRoutes } from "./jobs.ts";
import { installJson } from "./json-body.ts";
import { lingerBehindAnswers } from "./linger.ts";
import { logRoutes } from "./logs.ts";
import { nodeRoutes } from "./nodes.ts";
import { answerNonsense } from "./nonsense.ts";
import { openApiRoutes } from "./openapi.ts";
import { operationRoutes } from "./operations.ts";
import { ownerRoutes } from "./owners.ts";
import { runRoutes } from "./runs.ts";
import { uploadRoutes } from "./uploads.ts";
import { installValidation } from "./validation.ts";
import { yamlRoutes } from "./yaml.ts";

/** Bodies of control requests; POST /jobs and blobs have limits of their own. */
const BODY_BYTES_MAX = 1024 * 1024;
/** A client that sends its headers more slowly than this is none. */
const HEADERS_TIMEOUT_MS = 10_000;

/** The HTTP API over the parts of the context; listens nowhere yet. */
export async function buildApi(context: ApiContext): Promise<FastifyInstance> {
  const app = fastify({
    // No line for each request: at 10,000 of them in a second that is most of the work.
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    exposeHeadRoutes: false,
    forceCloseConnections: "idle",
    // Ids and names are short; whatever is longer finds no route.
    routerOptions: { maxParamLength: 600 },
    http: { headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: 0 },
    clientErrorHandler: answerNonsense,
    // Before any route is found: an address that cannot be decoded, or is longer than any.
    frameworkErrors: (error, request, reply) => {
      sendProblem(reply, asTitanError(error, request));
    },
  });
  context.open.watch(app.server);
  lingerBehindAnswers(app.server);
  installJson(app);
  installEmptyBodies(app);
  installValidation(app);
  installErrors(app, context.log);
  installAuthorization(app, context.token);
  await app.register(swagger, openApiOptions);
  await app.register(operationRoutes, context);
  await app.register(
    async (api) => {
      for (const routes of nouns) await api.register(routes, context);
    },
    { prefix: API_PREFIX },
  );
  return app;
}

const nouns = [
  jobRoutes,
  logRoutes,
  runRoutes,
  nodeRoutes,
  blobRoutes,
  uploadRoutes,
  yamlRoutes,
  ownerRoutes,
  infoRoutes,
  openApiRoutes,
];

const openApiOptions = {
  exposeHeadRoutes: true,
  openapi: {
    openapi: "3.1.0",
    info: {
      title: "Titan",
      version: VERSION,
      description:
        "Takes jobs, finds a node whose hardware fits, runs them there, streams their output back live.",
    },
    components: { securitySchemes: { token: { type: "http" as const, scheme: "bearer" } } },
    security: [{ token: [] }],
  },
};

/** A form's content type around nothing is what some clients send with any POST: it says nothing about nothing. */
function installEmptyBodies(app: FastifyInstance): void {
  app.addHook("onRequest", (request, _reply, done) => {
    const { headers } = request.raw;
    if (headers["content-length"] === "0" && headers["content-type"]?.startsWith("application/x-www-form")) {
      delete headers["content-type"];
    }
    done();
  });
}
