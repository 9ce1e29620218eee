import { API_PREFIX, ERRORS, TitanError } from "@titan/protocol";
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "pino";

/** Makes a problem+json of every error, of addresses that do not exist and of methods that they do not take. */
export function installErrors(app: FastifyInstance, log: Logger): void {
  const routes = new RouteTable();
  app.addHook("onRoute", ({ url, method }) => routes.add(url, Array.isArray(method) ? method : [method]));
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const told = asTitanError(error, request);
    // The rest of a large body is read and thrown away: closing now would break the sender's pipe before it sees why.
    if (told.code === "too-large") reply.removeHeader("connection");
    if (told.code === "internal")
      log.error({ err: error, method: request.method, url: request.url }, "a request failed");
    return sendProblem(reply, told);
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split("?")[0]!;
    const methods = routes.methodsOf(path);
    if (methods.length === 0) {
      return sendProblem(reply, new TitanError("not-found", `There is nothing at ${path.slice(0, 200)}`));
    }
    reply.header("allow", methods.join(", "));
    return sendProblem(
      reply,
      new TitanError("method-not-allowed", `${path} takes ${methods.join(", ")}, not ${request.method}`),
    );
  });
}

/** Longer than any message for people: a circle of 3,000 jobs names them all. */
const DETAIL_MAX = 400;

export function sendProblem(reply: FastifyReply, error: TitanError): FastifyReply {
  const problem = error.toProblem();
  const { detail } = problem;
  const short =
    detail.length <= DETAIL_MAX ? detail : `${detail.slice(0, DETAIL_MAX - 100)} … ${detail.slice(-90)}`;
  return reply
    .code(ERRORS[error.code].status || 500)
    .type("application/problem+json")
    .send(JSON.stringify({ ...problem, detail: short }));
}

/** The error that an answer tells, whatever was thrown. */
export function asTitanError(error: FastifyError, request: FastifyRequest): TitanError {
  if (error instanceof TitanError) return error;
  switch (error.code) {
    case "FST_ERR_CTP_BODY_TOO_LARGE":
      return new TitanError(
        "too-large",
        `The body is larger than the ${mebibytes(request)} MiB that this address takes`,
      );
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
      return new TitanError(
        "bad-request",
        `The content type ${JSON.stringify(request.headers["content-type"] ?? "")} is not taken here`,
        {
          hint: `Send application/json, or what ${API_PREFIX}/openapi.json names for this address.`,
        },
      );
    case "FST_ERR_CTP_INVALID_CONTENT_LENGTH":
      return new TitanError("bad-request", "The body is not as long as its Content-Length says");
    case "FST_ERR_MAX_PARAM_LENGTH":
      return new TitanError("not-found", "The address is longer than any that there is");
    default:
      return otherError(error);
  }
}

function otherError(error: FastifyError): TitanError {
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500) {
    return new TitanError("bad-request", error.message, { cause: error });
  }
  return new TitanError("internal", "The master failed to answer this request", { cause: error });
}

function mebibytes(request: FastifyRequest): number {
  return Math.round((request.routeOptions.bodyLimit / 1024 / 1024) * 10) / 10;
}

/** Which methods an address takes, found only when a request went nowhere. */
class RouteTable {
  readonly #routes = new Map<string, { readonly pattern: RegExp; readonly methods: Set<string> }>();

  add(url: string, methods: readonly string[]): void {
    const route = this.#routes.get(url) ?? { pattern: patternOf(url), methods: new Set<string>() };
    for (const method of methods) route.methods.add(method);
    this.#routes.set(url, route);
  }

  methodsOf(path: string): string[] {
    return [...this.#routes.values()]
      .filter(({ pattern }) => pattern.test(path))
      .flatMap(({ methods }) => [...methods]);
  }
}

function patternOf(url: string): RegExp {
  const parts = url
    .split("/")
    .map((part) => (part.startsWith(":") ? "[^/]+" : part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")));
  return new RegExp(`^${parts.join("/")}$`);
}
