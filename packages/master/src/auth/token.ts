import { randomBytes, timingSafeEqual } from "node:crypto";
import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import type { IncomingHttpHeaders } from "node:http";
import { join } from "node:path";
import { TitanError } from "@titan/protocol";

/** What a token may be made of: visible ASCII, so that it goes into a header as it is, and long enough to be none to guess. */
const TOKEN = /^[\x21-\x7e]{16,512}$/;

/**
 * The token of this user: `<stateHome>/token`, made (0600, in a 0700 folder) where there is none.
 * Throws `unauthorized` where the file may be read by others or holds no token: a key that others can read is none.
 */
export async function ensureToken(stateHome: string): Promise<string> {
  mkdirSync(stateHome, { recursive: true, mode: 0o700 });
  const file = join(stateHome, "token");
  // Two masters may start at once: the one that comes second must read the token of the first.
  if (!exists(file)) makeToken(stateHome, file);
  return readToken(file);
}

function exists(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false }) !== undefined;
}

/** Written whole beside it, then linked: `link` refuses where the name exists, as O_EXCL does, and nobody reads half a token. */
function makeToken(folder: string, file: string): void {
  const draft = join(folder, `.token.${process.pid}.${randomBytes(6).toString("hex")}`);
  const handle = openSync(draft, "wx", 0o600);
  try {
    writeSync(handle, `titan_${randomBytes(32).toString("base64url")}\n`);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  // The umask may have taken bits away, such as the owner's own.
  chmodSync(draft, 0o600);
  try {
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    unlinkSync(draft);
  }
}

function readToken(file: string): string {
  const mode = statSync(file).mode & 0o777;
  if ((mode & 0o077) !== 0) {
    throw new TitanError("unauthorized", `${file} may be read by others (mode ${mode.toString(8)})`, {
      hint: `Delete it, so that a new token is made; or, if nobody has seen it: chmod 600 ${file}`,
    });
  }
  const token = readFileSync(file, "utf8").trim();
  if (!TOKEN.test(token)) {
    throw new TitanError("unauthorized", `${file} does not hold a token`, {
      hint: "Delete it, so that a new token is made.",
    });
  }
  return token;
}

/** Whether the request carries the token as `Authorization: Bearer`. Takes the same time for every wrong token of its length. */
export function isAuthorized(headers: IncomingHttpHeaders, token: string): boolean {
  const header = headers.authorization;
  if (header === undefined || header.slice(0, 7).toLowerCase() !== "bearer ") return false;
  const given = Buffer.from(header.slice(7).trim());
  const wanted = Buffer.from(token);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}
