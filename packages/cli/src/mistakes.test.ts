/** What people mistype, without a master: the right words at once, and a hint for the command that was meant. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { listenOn } from "./commands/serve.ts";
import { Home } from "./testing/titan.ts";

let home: Home;
before(() => {
  home = new Home();
  home.env.TITAN_URL = "http://127.0.0.1:1";
  mkdirSync(join(home.folder, "empty"));
  writeFileSync(join(home.folder, "file"), "not a folder");
});
after(() => home.remove());

async function says(code: number, message: RegExp, args: string[], env: NodeJS.ProcessEnv = {}) {
  const ended = await home.start(args, env).ended;
  assert.match(ended.stderr, message, args.join(" "));
  assert.equal(ended.code, code, args.join(" "));
  assert.doesNotMatch(ended.stderr, /error\[internal\]|\n {4}at /);
}

test("a command that is nearly one, and one that lacks a word", async () => {
  await says(2, /no command titan rnu; did you mean titan run\?/, ["rnu"]);
  await says(2, /no command titan nodes; did you mean titan node ls\?/, ["nodes"]);
  await says(2, /titan status needs more: titan status JOB\n {2}hint {3}See titan help status/, ["status"]);
});

test("flags and files are looked at before the master is", async () => {
  await says(125, /--gpus "x" is not a number\n(?:.*\n)*.*See titan help run/, [
    "run",
    "--gpus",
    "x",
    "--",
    "true",
  ]);
  await says(125, /--file empty: there is no file/, ["run", "--file", "empty", "--", "true"]);
  await says(2, /error\[script-not-found\]/, ["submit", "absent.py"]);
  await says(2, /error\[script-not-found\]/, ["submit", "absent.yaml"]);
  await says(125, /error\[master-unreachable\]/, ["run", "--", "true"]);
});

test("a token that is none, and a state folder that cannot be", async () => {
  await says(5, /error\[unauthorized\]: the token holds characters/, ["ps"], { TITAN_TOKEN: "titan_a\nb" });
  const file = join(home.folder, "file");
  await says(2, /error\[usage\]: .*file\/x cannot be used as a state folder/, [
    "dev",
    "--port=0",
    "--state",
    join(file, "x"),
  ]);
  await says(2, /cannot be used as a state folder/, ["serve", "--listen", "127.0.0.1:0"], {
    TITAN_STATE_HOME: file,
  });
});

test("a node that cannot be ends titan dev with the node's own words, and nothing is left", async () => {
  await says(2, /^error\[usage\]: node \S+: --cpus -1 is not an amount above 0\n(?! {2}field)/, [
    "dev",
    "--port=0",
    "--cpus",
    "-1",
  ]);
  assert.deepEqual(readdirSync(join(home.folder, "state", "titan")), ["token"]);
});

test("serve: where to listen, and an address that is none", async () => {
  assert.deepEqual(listenOn("9999"), { host: "127.0.0.1", port: 9999 });
  assert.deepEqual(listenOn(":9999"), { host: "127.0.0.1", port: 9999 });
  assert.deepEqual(listenOn("[::1]:9999"), { host: "::1", port: 9999 });
  assert.deepEqual(listenOn("0.0.0.0:0"), { host: "0.0.0.0", port: 0 });
  for (const text of ["", ":::9999", "a:b", "http://x:1", "[::1", "1:2:3"])
    assert.throws(() => listenOn(text), { code: "usage" }, text);
});

test("serve on any free port leaves no state behind", async () => {
  const serve = home.start(["serve", "--listen", "127.0.0.1:0", "--json"]);
  const { state } = JSON.parse(await serve.line('"ready":true')) as { state: string };
  serve.child.kill("SIGTERM");
  assert.equal((await serve.ended).code, 0);
  assert.ok(!readdirSync(join(home.folder, "state", "titan")).some((name) => state.endsWith(name)));
});
