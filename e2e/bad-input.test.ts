/** Awkward output, nonsense on the port, wrong tokens, absent masters: a clear answer, and the cluster goes on. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { Cluster, freePort, start, until } from "./cluster.ts";

let cluster: Cluster;

before(async () => {
  cluster = await Cluster.start([{ name: "n1", flags: ["--cpus", "2"] }]);
});
after(() => cluster.stop());

/** That the cluster still does its work: the last line of every test here. */
async function stillWorks(): Promise<void> {
  const [id = ""] = await cluster.submit([{ name: "still-works", command: ["echo", "yes"] }]);
  assert.equal((await cluster.ended(id)).state, "succeeded");
  assert.equal((await cluster.log(id, "stdout")).toString(), "yes\n");
}

test("100 MB of output arrive exactly, and the master stays small", async () => {
  const line = `${"0123456789".repeat(10)}\n`;
  const count = Math.ceil((100 * 1024 * 1024) / line.length);
  const [id = ""] = await cluster.submit([
    { name: "flood", command: ["sh", "-c", `yes '${line.trim()}' | head -n ${count}`] },
  ]);
  const job = await cluster.ended(id, 120_000);
  assert.equal(job.state, "succeeded", job.reason);
  const answer = await fetch(`${cluster.url}/api/v1/jobs/${id}/logs?stream=stdout`, {
    headers: { authorization: `Bearer ${cluster.token}`, accept: "text/plain" },
  });
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of answer.body ?? []) {
    hash.update(chunk);
    size += chunk.length;
  }
  const expected = createHash("sha256");
  const block = Buffer.from(line.repeat(1000));
  for (let left = count; left > 0; left -= 1000)
    expected.update(block.subarray(0, Math.min(1000, left) * line.length));
  assert.equal(size, count * line.length);
  assert.equal(hash.digest("hex"), expected.digest("hex"));
  await stillWorks();
});

test("one line of 10 MB, bytes that are not UTF-8, and NULs arrive exactly", async () => {
  const scripts: Record<string, string> = {
    long: "import sys; sys.stdout.write('x' * 10_000_000)",
    bytes: "import sys; sys.stdout.buffer.write(bytes(range(256)) * 40)",
  };
  const expected: Record<string, Buffer> = {
    long: Buffer.alloc(10_000_000, "x"),
    bytes: Buffer.concat(
      Array.from({ length: 40 }, () => Buffer.from(Array.from({ length: 256 }, (_, n) => n))),
    ),
  };
  for (const [name, script] of Object.entries(scripts)) {
    const [id = ""] = await cluster.submit([{ name, command: ["python3", "-c", script] }]);
    assert.equal((await cluster.ended(id)).state, "succeeded");
    assert.ok((await cluster.log(id, "stdout")).equals(expected[name] ?? Buffer.alloc(0)), name);
  }
  await stillWorks();
});

test("garbage and HTTP nonsense on the port end their own connection and nothing else", async () => {
  const nonsense = [
    Buffer.from(Array.from({ length: 4096 }, (_, n) => (n * 31 + 7) % 256)),
    Buffer.from("GET / HTTP/9.9\r\n\r\n"),
    Buffer.from("POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: nine\r\n\r\n"),
    Buffer.from(`GET /${"a".repeat(100_000)} HTTP/1.1\r\n\r\n`),
    Buffer.from("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
  ];
  for (const bytes of nonsense) {
    const answer = await exchange(bytes);
    assert.doesNotMatch(answer, /^HTTP\/1\.1 (2|5)/, `to ${bytes.subarray(0, 20).toString("latin1")}`);
  }
  await stillWorks();
});

/** Sends bytes and answers with what came back by the time that the other side closed, or was silent for a second. */
async function exchange(bytes: Buffer): Promise<string> {
  return await new Promise((resolve) => {
    let answer = "";
    const socket = connect(cluster.port, "127.0.0.1", () => socket.write(bytes));
    socket.setTimeout(1_000, () => socket.destroy());
    socket.on("data", (data) => (answer += data.toString("latin1")));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => resolve(answer));
  });
}

test("a node link that speaks nonsense is closed", async () => {
  const socket = new WebSocket(`${cluster.url.replace("http", "ws")}/api/v1/link`, {
    // Node's own WebSocket takes headers; the type of the browser's does not know them.
    headers: { authorization: `Bearer ${cluster.token}` },
  } as unknown as string[]);
  const closed = new Promise((resolve) => socket.addEventListener("close", resolve));
  socket.addEventListener("open", () => socket.send(Buffer.from("not a frame")));
  await closed;
  await stillWorks();
});

test("a missing or wrong token is refused with the same typed error, and without a word about which", async () => {
  for (const headers of [{}, { authorization: "Bearer titan_wrong" }, { authorization: "Basic eDp5" }]) {
    const answer = await fetch(`${cluster.url}/api/v1/jobs`, { headers: headers as Record<string, string> });
    assert.equal(answer.status, 401);
    assert.match(answer.headers.get("content-type") ?? "", /^application\/problem\+json/);
    const problem = (await answer.json()) as { code: string; hint: string };
    assert.equal(problem.code, "unauthorized");
    assert.match(problem.hint, /TITAN_TOKEN/);
  }
  const wrong = start([...cli("ps")], { ...cluster.env, TITAN_TOKEN: "titan_wrong" });
  assert.equal(await wrong.ended, 5, wrong.output());
  assert.match(wrong.output(), /error\[unauthorized\]/);
  await stillWorks();
});

test("a body over the limit is refused, and nothing of it is kept", async () => {
  const before = (await cluster.jobs("limit=1000")).length;
  const big = "x".repeat(100_000);
  const jobs = Array.from({ length: 200 }, (_, n) => ({ name: `big-${n}`, command: ["true", big] }));
  const answer = await cluster.call<{ code: string }>("POST", "/jobs", { jobs });
  assert.equal(answer.status, 413);
  assert.equal(answer.body.code, "too-large");
  assert.equal((await cluster.jobs("limit=1000")).length, before);
});

test("without a master the command line says so and exits with 4", async () => {
  const port = await freePort();
  const started = Date.now();
  const process = start([...cli("ps")], { ...cluster.env, TITAN_URL: `http://127.0.0.1:${port}` });
  assert.equal(await process.ended, 4, process.output());
  assert.match(process.output(), /error\[master-unreachable\]/);
  assert.match(process.output(), new RegExp(`127\\.0\\.0\\.1:${port}`));
  assert.ok(Date.now() - started < 10_000);
});

test("a port in use says by whom", async () => {
  const second = cluster.titan(
    "serve",
    "--listen",
    `127.0.0.1:${cluster.port}`,
    "--state",
    `${cluster.folder}/other`,
  );
  assert.equal(await second.ended, 1, second.output());
  assert.match(second.output(), /error\[port-in-use\]/);
  assert.match(second.output(), new RegExp(`\\b${cluster.master.child.pid}\\b`), second.output());
});

test("two masters on one state folder: the second says who has it", async () => {
  const port = await freePort();
  const state = `${cluster.stateHome}/master-${cluster.port}`;
  const second = cluster.titan("serve", "--listen", `127.0.0.1:${port}`, "--state", state);
  assert.equal(await second.ended, 1, second.output());
  assert.match(second.output(), /error\[state-in-use\]/);
});

test("off loopback it refuses to listen in plain text unless told so", async () => {
  const port = await freePort();
  const second = cluster.titan("serve", "--listen", `0.0.0.0:${port}`);
  assert.equal(await second.ended, 2, second.output());
  assert.match(second.output(), /error\[insecure-bind\]/);
});

test("a requirement that no node has waits with the reason, and fails after its queue timeout", async () => {
  const [id = ""] = await cluster.submit([
    { name: "too-big", command: ["true"], gpus: 4, queue_timeout_ms: 700 },
  ]);
  const why = await until("a reason", async () => {
    const { body } = await cluster.call<{ reason: string; possible: boolean }>("GET", `/jobs/${id}/why`);
    return body.reason === "" ? undefined : body;
  });
  assert.equal(why.possible, false);
  assert.match(why.reason, /gpu/i);
  const job = await cluster.ended(id);
  assert.deepEqual([job.state, job.cause], ["failed", "queue-timeout"]);
  assert.match(job.reason, /gpu/i);
});

function cli(...args: string[]): string[] {
  return ["packages/cli/src/titan.mjs", ...args];
}
