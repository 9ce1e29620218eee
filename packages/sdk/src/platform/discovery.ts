/** Finds the master and the token: explicit > environment > the user's state folder. */
import { readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { DEFAULT_PORT, TitanError } from "@titan/protocol";

export interface Target {
  /** Without a slash at its end. */
  readonly url: string;
  readonly token: string | null;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The folder that holds the user's token and the state of masters and nodes. */
export function stateHome(env: Environment = process.env): string {
  if (env.TITAN_STATE_HOME) return env.TITAN_STATE_HOME;
  if (env.XDG_STATE_HOME) return join(env.XDG_STATE_HOME, "titan");
  return join(env.HOME || homedir(), ".local", "state", "titan");
}

/**
 * Where to reach the master, and with which token (null where none was found: the master then says so itself).
 * Throws `bad-field` for an address that is none, `unauthorized` for a TITAN_TOKEN_FILE that cannot be read and for a
 * token that no header can carry.
 */
export function discover(
  explicit: { url?: string | undefined; token?: string | undefined } = {},
  env: Environment = process.env,
): Target {
  return { url: findUrl(explicit.url, env), token: checkedToken(explicit.token ?? findToken(env)) };
}

/** The token itself is in no message: it may be a real one with something pasted behind it. */
function checkedToken(token: string | null): string | null {
  if (token === null || /^[\x21-\x7e]*$/.test(token)) return token;
  throw new TitanError(
    "unauthorized",
    "the token holds characters that no token has, such as spaces or line breaks",
  );
}

function findUrl(explicit: string | undefined, env: Environment): string {
  if (explicit !== undefined) return normalizeUrl(explicit, "url");
  if (env.TITAN_URL) return normalizeUrl(env.TITAN_URL, "TITAN_URL");
  const host = env.TITAN_HOST || "127.0.0.1";
  const port = env.TITAN_PORT || String(DEFAULT_PORT);
  if (!/^[0-9]{1,5}$/.test(port) || Number(port) > 65_535) {
    throw new TitanError("bad-field", `TITAN_PORT is not a port: ${JSON.stringify(port)}`, {
      field: "TITAN_PORT",
    });
  }
  const bracketed = host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
  return normalizeUrl(`http://${bracketed}:${port}`, "TITAN_HOST");
}

/** `host:port` means plain http; a path is kept, so that a master may live under a prefix. */
export function normalizeUrl(text: string, field: string): string {
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const url = URL.parse(full);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:") || url.hostname === "") {
    throw new TitanError("bad-field", `${field} is not an address of a master: ${JSON.stringify(text)}`, {
      field,
      hint: `It looks like http://127.0.0.1:${DEFAULT_PORT}.`,
    });
  }
  return `${url.protocol}//${url.host}${url.pathname}`.replace(/\/+$/, "");
}

function findToken(env: Environment): string | null {
  if (env.TITAN_TOKEN) return env.TITAN_TOKEN.trim();
  if (env.TITAN_TOKEN_FILE) return readTokenFile(env.TITAN_TOKEN_FILE);
  const path = join(stateHome(env), "token");
  refuseIfOpenToOthers(path);
  try {
    return readFileSync(path, "utf8").trim() || null;
  } catch {
    return null;
  }
}

/** The mode of a TITAN_TOKEN_FILE is its keeper's business: container platforms mount secrets as they please. */
function refuseIfOpenToOthers(path: string): void {
  const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0;
  if ((mode & 0o077) === 0) return;
  const octal = (mode & 0o777).toString(8).padStart(4, "0");
  throw new TitanError("unauthorized", `the token file ${path} can be read by others (mode ${octal})`, {
    hint: `chmod 600 ${path}`,
  });
}

function readTokenFile(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    throw new TitanError("unauthorized", `TITAN_TOKEN_FILE names a file that cannot be read: ${path}`, {
      cause: error,
    });
  }
}
