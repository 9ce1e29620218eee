/**
 * `npm run demo`: a cluster of two nodes, the real Dagster, three assets on the nodes that fit them. Shows each step's
 * output while it runs, with its node in front, and ends with a table. `-- --keep` leaves cluster and Dagster's UI up.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { watchJobs } from "./watch.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const bin = join(root, ".venv", "bin");
const pipeline = join(root, "examples", "pipeline", "pipeline.py");
const { values: flags } = parseArgs({ options: { keep: { type: "boolean", default: false } } });

const folder = mkdtempSync(join(tmpdir(), "titan-demo-"));
const started: ChildProcess[] = [];
const began = Date.now();

function say(text: string): void {
  console.log(`${((Date.now() - began) / 1000).toFixed(1).padStart(5)} s  ${text}`);
}

interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<number>;
  readonly output: () => string;
}

function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Running {
  const child = spawn(join(bin, program), args, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  started.push(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (data: Buffer) => (output += data.toString()));
  const ended = new Promise<number>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
  });
  return { child, ended, output: () => output };
}

/** Starts `titan dev` and answers with its address once its nodes are there. */
async function startCluster(env: NodeJS.ProcessEnv): Promise<string> {
  const nodes = ["name=plain,cpus=2", "name=gpu1,cpus=2,gpus=1"].flatMap((node) => ["--fake-node", node]);
  const dev = run("titan", ["dev", "--port", "0", "--json", "--no-node", ...nodes], env);
  return await new Promise((resolve, reject) => {
    dev.child.stdout?.on("data", () => {
      const ready = /^\{.*"ready":true.*\}$/m.exec(dev.output())?.[0];
      if (ready !== undefined) resolve((JSON.parse(ready) as { url: string }).url);
    });
    dev.ended.then((code) => reject(new Error(`titan dev ended with ${code}:\n${dev.output()}`)), reject);
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Dagster's UI on the same pipeline, until Ctrl-C. */
async function keep(url: string, env: NodeJS.ProcessEnv): Promise<void> {
  const port = await freePort();
  const ui = run("dagster", ["dev", "-f", pipeline, "-h", "127.0.0.1", "-p", String(port)], env);
  const interrupted = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, resolve);
  });
  console.log(
    `\ncluster     ${url}   (TITAN_URL=${url} TITAN_STATE_HOME=${join(folder, "state")} titan ps -a)`,
  );
  console.log(`Dagster UI  http://127.0.0.1:${port}   (a few seconds until it answers)\nCtrl-C ends both.`);
  const early = ui.ended.then((code) => {
    throw new Error(`dagster dev ended with ${code}:\n${ui.output()}`);
  });
  await Promise.race([interrupted, early]);
}

async function stopAll(): Promise<void> {
  const gone = started
    .filter((child) => child.exitCode === null && child.signalCode === null)
    .map((child) => new Promise((resolve) => child.once("close", resolve)));
  for (const child of started) child.kill("SIGTERM");
  const timer = setTimeout(() => {
    for (const child of started) child.kill("SIGKILL");
  }, 20_000);
  await Promise.all(gone);
  clearTimeout(timer);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

async function main(): Promise<number> {
  const dagsterHome = join(folder, "dagster");
  mkdirSync(dagsterHome);
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    PATH: `${bin}:${process.env.PATH ?? ""}`,
    TITAN_STATE_HOME: join(folder, "state"),
    DAGSTER_HOME: dagsterHome,
    DAGSTER_DISABLE_TELEMETRY: "1",
  };
  for (const name of ["TITAN_URL", "TITAN_HOST", "TITAN_PORT", "TITAN_TOKEN", "TITAN_TOKEN_FILE"])
    delete env[name];
  const url = await startCluster(env);
  say(`cluster ready at ${url}: node plain (2 cpus), node gpu1 (2 cpus, 1 declared GPU)`);
  env.TITAN_URL = url;

  const dagster = run("dagster", ["asset", "materialize", "-f", pipeline, "--select", "*"], env);
  say("Dagster materializes raw_data → trained_model → evaluation_metrics");
  const table = await watchJobs(url, join(folder, "state", "token"), dagster.ended, say);
  const code = await dagster.ended;
  if (code !== 0) {
    console.error(dagster.output().trimEnd().split("\n").slice(-40).join("\n"));
    console.error(`\ndemo: Dagster's run failed (exit ${code})`);
    return 1;
  }
  console.log(`\n${table}`);
  if (flags.keep) await keep(url, env);
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`demo: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  await stopAll();
}
