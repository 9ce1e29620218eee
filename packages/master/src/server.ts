import type { AddressInfo } from "node:net";
import { TitanError } from "@titan/protocol";
import type { FastifyInstance } from "fastify";
import { pino } from "pino";
import { buildApi } from "./api/app.ts";
import { closeApi } from "./api/close.ts";
import { ensureToken, isAuthorized } from "./auth/token.ts";
import { NodeLink } from "./link/node-link.ts";
import { MASTER_SETTINGS, type MasterSettings, openParts } from "./parts.ts";
import { guardProcess } from "./startup/guard.ts";
import { type FolderLock, lockFolder } from "./startup/lock.ts";
import { checkBind, findListener, portInUse, urlOf } from "./startup/port.ts";

export interface MasterOptions {
  readonly host: string;
  /** 0 takes any that is free. */
  readonly port: number;
  /** Of this master: store, logs, blobs, lock. */
  readonly stateDir: string;
  /** Of this user: the token. */
  readonly stateHome: string;
  /** `postgres://…`: rows lie there; a SQLite file in `stateDir` where absent. Logs and blobs are in `stateDir` anyway. */
  readonly storeUrl?: string | undefined;
  /** Listen in plain text where others can reach it. */
  readonly insecure?: boolean;
  /** Of the lines on stderr; `warn` where absent. */
  readonly logLevel?: "debug" | "info" | "warn" | "error" | "silent";
  readonly settings?: Partial<MasterSettings>;
}

export interface Master {
  readonly url: string;
  readonly port: number;
  readonly token: string;
  /** Resolves when this master can do nothing more, with the reason; pending as long as it serves. Then close it. */
  readonly failed: Promise<TitanError>;
  /** Ends within 2 s: answers what it has taken, drops open streams without their end, keeps what was acknowledged. */
  close(): Promise<void>;
}

/** Enough for a burst of agents and clients that all come back after a restart. */
const BACKLOG = 1_024;

/**
 * Starts a master; it serves when this resolves. Throws `insecure-bind`, `port-in-use`, `state-in-use`, `unauthorized`
 * (of a token that others may read), `version-mismatch` or `usage` (of a store that is not there), and leaves nothing behind then.
 */
export async function startMaster(options: MasterOptions): Promise<Master> {
  const { host, port, stateDir, stateHome, storeUrl, insecure = false } = options;
  checkBind(host, insecure);
  const token = await ensureToken(stateHome);
  const log = pino({ level: options.logLevel ?? "warn" }, pino.destination({ fd: 2, sync: true }));
  const undo: (() => void | Promise<void>)[] = [];
  try {
    const lock = takeFolder(stateDir, host, port);
    undo.push(() => lock.release());
    let url = "";
    const settings = { ...MASTER_SETTINGS, ...options.settings };
    const failed = Promise.withResolvers<TitanError>();
    const onDeposed = failed.resolve;
    const parts = await openParts({ stateDir, storeUrl, onDeposed, token, settings, log, url: () => url });
    undo.push(() => parts.close());
    const link = new NodeLink(parts.engine, parts.logs, log);
    undo.push(() => link.close());
    const app = await buildApi(parts);
    link.attach(app.server, (request) => isAuthorized(request.headers, token));
    await listen(app, host, port);
    undo.push(() => closeApi(app, parts));
    undo.push(guardProcess(log));
    const bound = (app.server.address() as AddressInfo).port;
    url = urlOf(host, bound);
    let closing: Promise<void> | undefined;
    return { url, port: bound, token, failed: failed.promise, close: () => (closing ??= unwind(undo)) };
  } catch (error) {
    await unwind(undo);
    throw error;
  }
}

/** Last come, first gone. One that fails does not keep the others: the lock above all must go. */
async function unwind(undo: (() => void | Promise<void>)[]): Promise<void> {
  const errors: unknown[] = [];
  for (const step of undo.splice(0).reverse()) {
    try {
      await step();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}

/** A second master of the same port mostly has the same folder too; then the port is what its user knows. */
function takeFolder(stateDir: string, host: string, port: number): FolderLock {
  try {
    return lockFolder(stateDir);
  } catch (error) {
    if (
      port !== 0 &&
      error instanceof TitanError &&
      error.code === "state-in-use" &&
      findListener(port) !== null
    ) {
      throw portInUse(host, port);
    }
    throw error;
  }
}

async function listen(app: FastifyInstance, host: string, port: number): Promise<void> {
  try {
    await app.listen({ host, port, backlog: BACKLOG });
  } catch (error) {
    await app.close();
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EADDRINUSE") throw portInUse(host, port);
    if (code === "EACCES" || code === "EADDRNOTAVAIL" || code === "ENOTFOUND") {
      throw new TitanError("usage", `Cannot listen on ${host}, port ${port}: ${(error as Error).message}`, {
        cause: error,
      });
    }
    throw error;
  }
}
