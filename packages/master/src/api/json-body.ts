import { TitanError } from "@titan/protocol";
import type { FastifyInstance } from "fastify";

declare module "fastify" {
  interface FastifyRequest {
    /** The JSON text as it came: what an idempotency key is compared by. */
    rawBody: string;
  }
}

/** Reads JSON bodies, refuses names such as `__proto__` in them, and says where one is broken. */
export function installJson(app: FastifyInstance): void {
  app.decorateRequest("rawBody", "");
  const parse = app.getDefaultJsonParser("error", "error");
  app.removeContentTypeParser(["application/json", "text/plain"]);
  app.addContentTypeParser("application/json", { parseAs: "string" }, (request, body, done) => {
    const text = body as string;
    request.rawBody = text;
    if (text === "")
      return done(new TitanError("bad-request", "The body is empty; it must be JSON"), undefined);
    parse(request, text, (error, value) => done(error === null ? null : jsonError(text), value));
  });
}

/** Only where it is broken is it read once more, for the place. */
function jsonError(text: string): TitanError {
  try {
    JSON.parse(text);
    return new TitanError("bad-request", "The body has a name that is refused: __proto__ or constructor");
  } catch (error) {
    return new TitanError("bad-request", `The body is not JSON: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
