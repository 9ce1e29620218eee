import { TitanError } from "@titan/protocol";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { isAuthorized } from "../auth/token.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Answered without a token. */
    open?: boolean;
  }
}

/** Asks every request for the token before anything else is looked at, addresses that do not exist included. */
export function installAuthorization(app: FastifyInstance, token: string): void {
  app.addHook("onRequest", (request, reply, done) => {
    if (request.routeOptions.config.open === true || isAuthorized(request.headers, token)) return done();
    reply.header("www-authenticate", "Bearer");
    done(refusal(request));
  });
}

function refusal(request: FastifyRequest): TitanError {
  const given = request.headers.authorization;
  return new TitanError(
    "unauthorized",
    given === undefined ? "The request carries no token" : "The token is wrong",
  );
}
