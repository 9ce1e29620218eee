import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, it } from "node:test";
import { eventually } from "../testing/eventually.ts";
import { type Launcher, type LauncherEvent, type LaunchOrder, startLauncher } from "./launcher.ts";

type Exited = LauncherEvent & { ev: "exited" };

let dir: string;
let launcher: Launcher;
let launcherPid = 0;
const events: LauncherEvent[] = [];
const waiting: (() => void)[] = [];

function heard(event: LauncherEvent): void {
  events.push(event);
  for (const look of waiting.splice(0)) look();
}

async function event<K extends LauncherEvent["ev"]>(ev: K, id: string): Promise<LauncherEvent & { ev: K }> {
  for (;;) {
    const found = events.find((each) => each.ev === ev && "id" in each && each.id === id);
    if (found !== undefined) return found as LauncherEvent & { ev: K };
    await new Promise<void>((resolve) => waiting.push(resolve));
  }
}

let serial = 0;

/** Starts it and answers its id; `more` may say what is out of the ordinary. */
function start(argv: string[], more: Partial<LaunchOrder> = {}): string {
  serial += 1;
  const id = `job${serial}.1`;
  const own = join(dir, id);
  launcher.start({ id, argv, env: {}, cwd: join(own, "work"), dir: own, ...more });
  return id;
}

function output(id: string, stream: "stdout" | "stderr" = "stdout"): Buffer {
  return readFileSync(join(dir, id, stream));
}

/** Waits for what the job itself writes: its own sign that it has come so far. */
async function printed(id: string, text: string): Promise<string> {
  const file = join(dir, id, "stdout");
  const read = () => (existsSync(file) ? readFileSync(file, "utf8") : "");
  await eventually(`${id} prints ${JSON.stringify(text)}`, () => read().includes(text));
  return read();
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie of another parent counts as gone: it runs no more.
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
}

before(async () => {
  dir = mkdtempSync(join(tmpdir(), "titan-launcher-"));
  const env = { PATH: process.env.PATH ?? "", BASE: "yes", TAKEN: "away" };
  const made = await startLauncher({ python: "python3", env, heard, gone: assert.fail });
  launcher = made.launcher;
  launcherPid = made.pid;
});

after(async () => {
  await launcher.close();
  rmSync(dir, { recursive: true, force: true });
});

it("tells the exit code, the times and what was used", async () => {
  const id = start(["/bin/sh", "-c", "echo out; echo err >&2; exit 7"]);
  const { code, signal, at, max_rss, cpu_ms, stdout, stderr } = await event("exited", id);
  assert.deepEqual([code, signal, stdout, stderr], [7, null, 4, 4]);
  assert.equal(output(id).toString(), "out\n");
  assert.equal(output(id, "stderr").toString(), "err\n");
  assert.ok(max_rss > 500_000 && max_rss < 1e9 && cpu_ms >= 0);
  assert.ok(at >= (await event("started", id)).at);
});

it("tells the signal that ended it, real-time signals too", async () => {
  assert.equal((await event("exited", start(["/bin/sh", "-c", "kill -SEGV $$"]))).signal, "SIGSEGV");
  const real = start(["/bin/bash", "-c", "kill -40 $$"]);
  assert.match((await event("exited", real)).signal ?? "", /^SIG(40|RT)/);
});

it("gives the base environment with the differences, an empty stdin and default signals", async () => {
  const script = "echo $BASE $MORE; cat; trap; ps -o pid=,pgid=,sid= -p $$";
  const id = start(["/bin/sh", "-c", script], { env: { MORE: "x y\n'z\"" } });
  await event("exited", id);
  assert.match(output(id).toString(), /^yes x y 'z"\n/);
  const [pid, pgid, sid] = output(id).toString().trim().split("\n").at(-1)?.trim().split(/\s+/) ?? [];
  assert.deepEqual([pgid, sid], [pid, pid], "it leads its own group and session");
  const piped = start(["/bin/bash", "-c", "yes | head -1; echo $PIPESTATUS"]);
  await event("exited", piped);
  assert.equal(output(piped).toString(), "y\n141\n", "yes dies of SIGPIPE as it would in a shell");
});

it("passes arguments as they are", async () => {
  const args = ["; rm -rf /", "|", "a\nb", "'\"`$(x)", "", "é😀"];
  const id = start(["/bin/sh", "-c", 'for a; do printf "%s\\0" "$a"; done', "sh", ...args]);
  await event("exited", id);
  assert.deepEqual(output(id).toString().split("\0").slice(0, -1), args);
});

it("says what could not be started and why", async () => {
  const missing = await event("failed", start(["/no/such/program"]));
  assert.deepEqual([missing.what, missing.errno], ["exec", "ENOENT"]);
  const folder = await event("failed", start(["/tmp"]));
  assert.deepEqual([folder.what, folder.errno], ["exec", "EACCES"]);
  const cwd = await event("failed", start(["/bin/true"], { cwd: "/dev/null/x" }));
  assert.deepEqual([cwd.what, cwd.errno], ["cwd", "ENOTDIR"]);
  const dirless = await event("failed", start(["/bin/true"], { cwd: "/", dir: "/dev/null/x" }));
  assert.equal(dirless.what, "output");
  const nul = await event("failed", start(["/bin/echo", "a\0b"]));
  assert.deepEqual([nul.what, nul.errno], ["exec", "EINVAL"]);
  const long = await event("failed", start(["/bin/echo", "x".repeat(3_000_000)]));
  assert.equal(long.errno, "E2BIG");
});

it("keeps invalid UTF-8, a line of 10 MB, and nothing at all, exactly", async () => {
  const bytes = start(["/bin/sh", "-c", "printf '\\377\\376a\\000b'"]);
  await event("exited", bytes);
  assert.deepEqual([...output(bytes)], [0xff, 0xfe, 0x61, 0, 0x62]);
  const line = start(["/bin/sh", "-c", "head -c 10000000 /dev/zero | tr '\\0' x"]);
  assert.equal((await event("exited", line)).stdout, 10_000_000);
  const nothing = start(["/bin/true"]);
  assert.equal((await event("exited", nothing)).stdout, 0);
  assert.equal(statSync(join(dir, nothing, "stderr")).size, 0);
});

it("asks politely first", async () => {
  const id = start([
    "/bin/bash",
    "-c",
    "trap 'echo bye; exit 5' TERM; echo up; while :; do sleep 0.01; done",
  ]);
  await printed(id, "up");
  launcher.kill(id, 30_000);
  assert.equal((await event("exited", id)).code, 5);
  assert.equal(output(id).toString(), "up\nbye\n");
});

it("kills what ignores TERM after the grace, and a stopped one too", async () => {
  const id = start(["/bin/bash", "-c", "trap '' TERM; echo up; while :; do sleep 0.01; done"]);
  await printed(id, "up");
  const asked = Date.now();
  launcher.kill(id, 150);
  const { signal, at } = await event("exited", id);
  assert.equal(signal, "SIGKILL");
  assert.ok(at - asked >= 145, `killed after ${at - asked} ms`);
  const stopped = start(["/bin/sh", "-c", "echo up; kill -STOP $$; sleep 100"]);
  await printed(stopped, "up");
  launcher.kill(stopped, 30_000);
  assert.equal((await event("exited", stopped)).signal, "SIGTERM");
});

it("takes a later, shorter grace", async () => {
  const id = start(["/bin/bash", "-c", "trap '' TERM; echo up; while :; do sleep 0.01; done"]);
  await printed(id, "up");
  launcher.kill(id, 60_000);
  launcher.kill(id, 0);
  assert.equal((await event("exited", id)).signal, "SIGKILL");
});

it("kills the whole group, at a kill and when the leader ends by itself", async () => {
  const tree = start(["/bin/bash", "-c", "sleep 100 & (sleep 100 & sleep 100) & echo $!; wait"]);
  const child = Number((await printed(tree, "\n")).trim());
  launcher.kill(tree, 5_000);
  await event("exited", tree);
  assert.equal(isThere(child), false);
  const left = start(["/bin/bash", "-c", "trap '' TERM; sleep 100 & echo $!; exit 0"]);
  const ended: Exited = await event("exited", left);
  assert.equal(ended.code, 0, "what it left behind does not change how it ended");
  assert.equal(isThere(Number(output(left).toString().trim())), false);
});

it("does not reach a child that makes its own session: not covered by process groups", async () => {
  const id = start([
    "/bin/bash",
    "-c",
    "setsid sh -c 'echo $$; exec sleep 100' & until [ -s ../stdout ]; do :; done",
  ]);
  await event("exited", id);
  const pid = Number(output(id).toString().trim());
  assert.equal(isThere(pid), true);
  process.kill(pid, "SIGKILL");
});

it("starts hundreds in one go", async () => {
  const ids = Array.from({ length: 200 }, () => start(["/bin/true"]));
  const codes = await Promise.all(ids.map(async (id) => (await event("exited", id)).code));
  assert.deepEqual(new Set(codes), new Set([0]));
});

it("stays small", () => {
  const status = readFileSync(`/proc/${launcherPid}/status`, "utf8");
  const kilobytes = Number(status.match(/VmRSS:\s+(\d+)/)?.[1]);
  assert.ok(kilobytes < 15_000, `${kilobytes} kB`);
});

it("kills its jobs when the agent is gone, and ends", async () => {
  const made = await startLauncher({ python: "python3", env: {}, heard, gone: assert.fail });
  const own = join(dir, "orphan");
  made.launcher.start({ id: "orphan.1", argv: ["/bin/sleep", "100"], env: {}, cwd: own, dir: own });
  const { pid } = await event("started", "orphan.1");
  await made.launcher.close();
  assert.equal(isThere(pid), false);
  assert.equal(isThere(made.pid), false);
});

it("says it in words when it cannot run at all", async () => {
  const bad = startLauncher({ python: "/no/such/python", env: {}, heard, gone: assert.fail });
  await assert.rejects(bad, { code: "launcher-failed", message: /\/no\/such\/python/ });
  const wrong = startLauncher({ python: "/bin/false", env: {}, heard, gone: assert.fail });
  await assert.rejects(wrong, { code: "launcher-failed", message: /exit code 1/ });
});
