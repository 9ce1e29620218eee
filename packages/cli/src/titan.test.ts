/** The commands as their users meet them: processes, against a real cluster of two pretended nodes. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Started } from "./testing/titan.ts";
import { Home } from "./testing/titan.ts";

const home = new Home();
let dev: Started;

before(async () => {
  const nodes = [
    "--fake-node",
    "name=plain,cpus=2,mem=4G",
    "--fake-node",
    "name=gpubox,cpus=2,mem=4G,gpus=1,gpu_model=A100",
  ];
  dev = home.start(["dev", "--port", "0", "--json", "--no-node", ...nodes]);
  const ready = JSON.parse(await dev.line('"ready":true'));
  assert.deepEqual(
    ready.nodes.map(({ node }: { node: string }) => node),
    ["plain", "gpubox"],
  );
  home.env.TITAN_URL = ready.url;
});
after(async () => {
  dev.child.kill("SIGTERM");
  await dev.ended;
  home.remove();
});

const jsonOf = async (...args: string[]) => {
  const { code, stdout, stderr } = await home.titan(...args, "--json");
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout.toString());
};

test("run: exact bytes on both streams, the program's own code, words untouched", async () => {
  const script = 'printf "a\\000\\377"; printf "e\\033[2J" >&2; printf "%s|" "$@"; exit 3';
  const words = ["; rm x", "a b", "q'\"", "new\nline", "$HOME", "--gpus"];
  const { code, stdout, stderr } = await home.titan("run", "--", "sh", "-c", script, "sh", ...words);
  assert.equal(code, 3);
  assert.deepEqual(stdout, Buffer.concat([Buffer.from([0x61, 0, 0xff]), Buffer.from(`${words.join("|")}|`)]));
  assert.equal(stderr, "e\x1b[2J");
});

test("run: 128+n for a signal, 125 where Titan could not run it, 0 with --file and --env", async () => {
  const killed = await home.titan("run", "--", "sh", "-c", "kill -9 $$");
  assert.equal(killed.code, 137);
  assert.match(killed.stderr, /^error\[job-failed\]: the job sh \(\w+\) failed: .*SIGKILL/m);
  const absent = await home.titan("run", "no-such-program");
  assert.equal(absent.code, 125);
  assert.match(absent.stderr, /no such program: no-such-program/);
  assert.equal((await home.titan("run", "--cpus", "x", "true")).code, 125);
  writeFileSync(join(home.folder, "data.txt"), "brought along");
  const brought = await home.titan(
    "run",
    "--file",
    "data.txt",
    "--env",
    "K=v w",
    "--",
    "sh",
    "-c",
    'cat data.txt; echo " $K"',
  );
  assert.equal(brought.stdout.toString(), "brought along v w\n");
  assert.equal(brought.code, 0);
});

test("run: says why it waits, and Ctrl-C cancels the job and exits with 130", async () => {
  const run = home.start(["run", "--gpus", "7", "--name", "huge", "--", "true"]);
  assert.match(await run.line("waiting"), /no connected node has 7 gpus; the most is 1 on gpubox/);
  const why = await home.titan("why", "huge");
  assert.match(why.stdout.toString(), /gpubox +never +gpus +7 +1\n/);
  assert.match(why.stdout.toString(), /plain +never +gpus +7 +0\n/);
  run.child.kill("SIGINT");
  assert.equal((await run.ended).code, 130);
  assert.equal((await jsonOf("status", "huge")).state, "cancelled");
});

test("run --json: one event a line, from its submission to its end", async () => {
  const { stdout } = await home.titan("run", "--gpus", "1", "--json", "--", "sh", "-c", "echo $TITAN_NODE");
  const events = stdout
    .toString()
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.equal(events[0].event, "submitted");
  const log = events.find(({ event }) => event === "log");
  assert.equal(Buffer.from(log.data, "base64").toString(), "gpubox\n");
  assert.deepEqual([events.at(-1).event, events.at(-1).job.state], ["ended", "succeeded"]);
});

test("submit, logs, status, ps: a script with arguments, by name and by the beginning of its id", async () => {
  writeFileSync(
    join(home.folder, "hello.py"),
    "import sys\nprint('hello', sys.argv[1:])\nprint('oh', file=sys.stderr)\n",
  );
  const submitted = await home.titan("submit", "hello.py", "--wait", "x y", "--", "--flag");
  assert.equal(submitted.code, 0, submitted.stderr);
  const id = submitted.stdout.toString().split(" ")[0]!;
  const logs = await home.titan("logs", "-f", "hello");
  assert.equal(logs.stdout.toString(), "hello ['x y', '--flag']\n");
  assert.equal(logs.stderr, "oh\n");
  assert.equal((await home.titan("logs", "--stderr", id.slice(0, 5))).stdout.length, 0);
  assert.equal((await jsonOf("status", id.slice(0, 5))).exit_code, 0);
  const { jobs } = await jsonOf("ps", "-a");
  assert.deepEqual([jobs[0].id, jobs[0].name, jobs[0].state], [id, "hello", "succeeded"]);
  const { stdout } = await home.titan("ps", "-a", "--limit", "1");
  assert.match(
    stdout.toString(),
    /^ID +NAME +STATE .*\n\w{8} +hello +✓ succeeded +plain +1 cpu +\d+s +\d+ms\n$/,
  );
  assert.match((await home.titan("ps")).stderr, /no jobs wait or run/);
});

test("submit: a pipeline brings its folder unless it says otherwise; its end decides the exit code", async () => {
  // In a folder of its own: the state of the running cluster lies in the test's.
  const folder = join(home.folder, "nightly");
  mkdirSync(folder);
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  const yaml = (last: string, head = "") =>
    `name: nightly\n${head}jobs:\n  - {id: a, file: one.py}\n  - {id: b, file: ${last}, depends_on: [a]}\n`;
  write("one.py", "print('one')\n");
  write("bad.py", "import one\nraise SystemExit(4)\n");
  write("good.yaml", yaml("one.py"));
  write("alone.yaml", yaml("bad.py", "project: false\n"));
  write("bad.yaml", yaml("bad.py"));
  write("absent.yaml", yaml("absent.py"));
  assert.equal((await jsonOf("submit", "nightly/good.yaml", "--wait")).state, "succeeded");
  const alone = await home.titan("submit", "nightly/alone.yaml", "--wait");
  assert.equal(alone.code, 1, alone.stderr);
  assert.match((await home.titan("logs", "--stderr", "b")).stderr, /No module named 'one'/);
  const bad = await home.titan("submit", "nightly/bad.yaml", "--wait");
  assert.equal(bad.code, 1);
  assert.match(bad.stdout.toString(), /b +✗ failed +exited with code 4/);
  assert.equal((await home.titan("logs", "--stdout", "b")).stdout.toString(), "one\n");
  assert.match((await home.titan("submit", "nightly/absent.yaml")).stderr, /error\[script-not-found\]/);
});

test("cancel: what waits and what runs", async () => {
  const id = (await home.titan("run", "-d", "--", "sleep", "100")).stdout.toString().trim();
  assert.equal((await home.titan("cancel", id, "--wait")).code, 0);
  assert.equal((await jsonOf("status", id)).state, "cancelled");
});

test("exit codes: usage 2, not found 3, no master 4, wrong token 5", async () => {
  const ends = async (code: number, message: RegExp, args: string[], env: NodeJS.ProcessEnv = {}) => {
    const ended = await home.start(args, env).ended;
    assert.match(ended.stderr, message);
    assert.equal(ended.code, code);
    assert.equal(ended.stdout.length, 0);
  };
  await ends(2, /^error\[usage\]: there is no command titan statsu; did you mean titan status\?\n {2}hint/, [
    "statsu",
  ]);
  await ends(2, /no flag --limt; did you mean --limit\?/, ["ps", "--limt", "1"]);
  await ends(2, /error\[script-not-found\]/, ["submit", "absent.py"]);
  await ends(3, /error\[job-not-found\]/, ["logs", "nothing"]);
  const closed = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => closed.once("listening", resolve));
  const { port } = closed.address() as AddressInfo;
  await new Promise((resolve) => closed.close(resolve));
  const nobody = { TITAN_URL: `http://127.0.0.1:${port}` };
  await ends(4, /error\[master-unreachable\]: .*connection refused/, ["ps"], nobody);
  await ends(4, /"code":"master-unreachable"/, ["ps", "--json"], nobody);
  await ends(5, /error\[unauthorized\]/, ["ps"], { TITAN_TOKEN: "titan_wrong" });
  await ends(125, /error\[unauthorized\]/, ["run", "true"], { TITAN_TOKEN: "titan_wrong" });
});

test("node ls and token; a reader that goes away is no error", async () => {
  const nodes = await home.titan("node", "ls");
  assert.match(nodes.stdout.toString(), /gpubox +● up +0\/2 +0\/4 GB +0\/1 A100 +0/);
  assert.match((await home.titan("token")).stdout.toString(), /^titan_[\w-]{43}\n$/);
  const flood = home.start([
    "logs",
    "-f",
    (
      await home.titan("run", "-d", "--name", "drip", "--", "sh", "-c", "while echo y; do sleep 0.01; done")
    ).stdout
      .toString()
      .trim(),
  ]);
  await flood.line("y");
  flood.child.stdout!.destroy();
  assert.equal((await flood.ended).code, 0);
  assert.equal((await home.titan("cancel", "drip", "--wait")).code, 0);
});
