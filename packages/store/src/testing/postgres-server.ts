/** A PostgreSQL server of a test's own, in a temporary folder: real, durable, and gone with the test. */
import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";

/** Why there can be none here, in words for the report of a test; false where there can. It is the value of `skip`. */
export const NO_POSTGRES: string | false = reasonForNone();

const USER = "titan";
const START_MS = 30_000;

export interface PostgresServer {
  /** Of its one database: through a socket that only this machine's users can reach, without a password. */
  readonly url: string;
  /** The socket itself, for a test that puts something between client and server. */
  readonly socket: string;
  /** `url` with the socket of another folder. */
  urlIn(folder: string): string;
  /** Asks over a connection of its own. */
  sql(text: string): Promise<unknown[]>;
  /** Ends it as a crash does, with nothing put in order, and starts it on what is there. */
  crash(): Promise<void>;
  stop(): Promise<void>;
}

/** Debian keeps the server's programs off PATH, one folder for each version: the newest. */
function programs(): string | null {
  const byVersion = (folder: string) => Number.parseFloat(folder.split("/").at(-2) ?? "0");
  const debian = globSync("/usr/lib/postgresql/*/bin").sort((a, b) => byVersion(b) - byVersion(a));
  const folders = [...debian, ...(process.env.PATH ?? "").split(":")];
  return folders.find((folder) => existsSync(join(folder, "initdb"))) ?? null;
}

function reasonForNone(): string | false {
  if (programs() === null) return "no PostgreSQL server here (Debian: apt install postgresql)";
  if (process.getuid?.() === 0 && owner() === null) {
    return "PostgreSQL does not run as root, and there is no user postgres to run it as";
  }
  return false;
}

/** Who runs the server where this user is root, whom PostgreSQL refuses; null where there is nobody else, or no need. */
function owner(): { uid: number; gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  try {
    const idOf = (flag: string) =>
      Number(execFileSync("id", [flag, "postgres"], { stdio: "pipe", encoding: "utf8" }));
    return { uid: idOf("-u"), gid: idOf("-g") };
  } catch {
    return null;
  }
}

/** Takes about a second. Call it only where `NO_POSTGRES` is false. */
export async function startPostgres(): Promise<PostgresServer> {
  const bin = programs();
  if (bin === null) throw new Error(String(NO_POSTGRES));
  const folder = mkdtempSync(join(tmpdir(), "titan-postgres-"));
  const other = owner();
  if (other !== null) chownSync(folder, other.uid, other.gid);
  const as = other ?? {};
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    const data = join(folder, "data");
    const init = ["-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"];
    await promisify(execFile)(join(bin, "initdb"), init, { ...as, cwd: folder });
    let child = await serve(bin, folder, as);
    const urlIn = (socketFolder: string) => `postgres://${USER}@/postgres?host=${socketFolder}`;
    return {
      url: urlIn(folder),
      socket: socketIn(folder),
      urlIn,
      sql: (text) => ask(urlIn(folder), text),
      async crash() {
        await end(child, "SIGQUIT");
        child = await serve(bin, folder, as);
      },
      async stop() {
        // Fast shutdown: it ends the connections that a failed test has left.
        await end(child, "SIGINT");
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  child.kill(signal);
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}

async function ask(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

function socketIn(folder: string): string {
  return join(folder, ".s.PGSQL.5432");
}

async function serve(bin: string, folder: string, as: { uid?: number; gid?: number }): Promise<ChildProcess> {
  const settings = [
    "listen_addresses=",
    `unix_socket_directories=${folder}`,
    "fsync=on",
    "max_connections=50",
  ];
  const command = [
    join(bin, "postgres"),
    "-D",
    join(folder, "data"),
    ...settings.flatMap((each) => ["-c", each]),
  ];
  // So that a test that is killed leaves no server behind. Where there is no setpriv, it would.
  const setpriv = ["/usr/bin/setpriv", "/bin/setpriv"].find((path) => existsSync(path));
  const [program = "", ...args] =
    setpriv === undefined ? command : [setpriv, "--pdeathsig", "INT", ...command];
  const child = spawn(program, args, { ...as, cwd: dirname(folder), stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (data) => {
    said = (said + String(data)).slice(-4_000);
  });
  const ended = new AbortController();
  child.once("exit", () => ended.abort());
  child.once("error", (error) => {
    said += error.message;
    ended.abort();
  });
  const deadline = performance.now() + START_MS;
  while (!(await isReady(folder))) {
    if (ended.signal.aborted || performance.now() > deadline) {
      child.kill("SIGKILL");
      throw new Error(`the PostgreSQL server did not start:\n${said}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return child;
}

/** A server that listens may still refuse, so it is asked for a whole connection. */
async function isReady(folder: string): Promise<boolean> {
  const client = new pg.Client({ host: folder, user: USER, database: "postgres" });
  try {
    await client.connect();
    await client.end();
    return true;
  } catch {
    return false;
  }
}
