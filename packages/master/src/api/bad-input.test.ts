/** What nobody should send. Each is refused with the code and the field, nothing is kept of it, and the master serves on. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import type { Problem } from "@titan/protocol";
import { type ApiFixture, openApi, TOKEN } from "../testing/api-fixture.ts";

let api: ApiFixture;
before(async () => {
  api = await openApi();
});
after(() => api.close());

const base = { name: "a", command: ["true"] };
const sha256 = "0".repeat(64);
const file = (path: string) => ({ path, sha256, size: 1 });
type Case = [
  what: string,
  body: unknown,
  code: string,
  field: string | undefined,
  detail?: RegExp | undefined,
];
const one = (what: string, more: object, field: string, detail?: RegExp): Case => [
  what,
  { jobs: [{ ...base, ...more }] },
  "bad-field",
  `jobs[0].${field}`,
  detail,
];

const names = [
  "",
  "a/b",
  "..",
  ".",
  "../a",
  ".hidden",
  "-x",
  "a\0b",
  "a\nb",
  "a b",
  "x".repeat(10_240),
  "🚀",
  "a\u202eb",
  "%2e%2e",
  "a;b",
  "a|b",
];
const amounts: Case[] = [
  ...[
    "cpus",
    "memory",
    "gpu_memory",
    "gpus",
    "timeout_ms",
    "queue_timeout_ms",
    "delay_ms",
    "retries",
    "grace_ms",
    "retry_backoff_ms",
  ].flatMap((field): Case[] => [
    one(`${field} negative`, { [field]: -1 }, field),
    one(`${field} absurd`, { [field]: 1e300 }, field),
    one(`${field} as a list`, { [field]: [1] }, field),
    one(`${field} as an object`, { [field]: {} }, field),
    one(`${field} as truth`, { [field]: true }, field),
  ]),
  ...["cpus", "memory", "gpu_memory", "timeout_ms", "queue_timeout_ms"].map((field) =>
    one(`${field} zero`, { [field]: 0 }, field),
  ),
  ...["timeout_ms", "queue_timeout_ms"].map((field) =>
    one(`${field} zero says the range`, { [field]: 0 }, field, /must be at least 1; it is 0/),
  ),
  ...["cpus", "gpus", "timeout_ms", "priority"].map((field) =>
    one(`${field} as text`, { [field]: "1" }, field, /it is "1"/),
  ),
  ...["10 potatoes", "-1G", "", "G", "1e9", "1GG", "0", "0G", "9999999T", "NaN", " 1G"].map((memory) =>
    one(`memory ${memory}`, { memory }, "memory"),
  ),
  one("a part of a gpu", { gpus: 0.3333 }, "gpus", /whole number; it is 0\.3333/),
  one("too small a part of a cpu", { cpus: 0.0001 }, "cpus"),
  one("2^53 + 1 of memory", { memory: 2 ** 53 + 1 }, "memory"),
];
const shapes: Case[] = [
  ...names.map((name) =>
    one(
      `name ${JSON.stringify(name.slice(0, 12))}`,
      { name },
      "name",
      /jobs\[0\]\.name must be letters, digits/,
    ),
  ),
  ["no name", { jobs: [{ command: ["true"] }] }, "bad-field", "jobs[0].name", /is missing/],
  one("neither command nor script", { command: undefined }, "command", /neither command nor script/),
  one("command and script", { script: "a.py", files: [file("a.py")] }, "command", /both command and script/),
  one(
    "a script that is no file",
    { command: undefined, script: "b.py", files: [file("a.py")] },
    "script",
    /not among the files/,
  ),
  one("an empty command", { command: [] }, "command", /must not be empty/),
  one("an empty program", { command: ["", "x"] }, "command[0]"),
  one("a command line in one", { command: "rm -rf" }, "command", /must be a list; it is "rm -rf"/),
  one("NUL in an argument", { args: ["a", "b\0c"] }, "args[1]", /text without NUL/),
  one("a number as an argument", { args: [1] }, "args[0]", /must be text; it is 1/),
  one("200,000 arguments", { args: Array(200_000).fill("") }, "args", /at most 10000 items/),
  one("= in a name of the environment", { env: { "A=B": "1" } }, "env", /"A=B"/),
  one("NUL in a name of the environment", { env: { "A\0": "1" } }, "env"),
  one("NUL in the environment", { env: { A: "\0" } }, "env.A"),
  one("a number in the environment", { env: { A: 1 } }, "env.A", /must be text; it is 1/),
  one("a label with a slash", { labels: { "a/b": "1" } }, "labels"),
  one("affinity as a word", { affinity: "yes" }, "affinity", /true or false or "required"; it is "yes"/),
  one("a requirement with spaces", { requirement: "A GPU" }, "requirement"),
  one("parents as text", { parents: "x" }, "parents", /must be a list/),
  ...["/etc/passwd", "../x", "a/../../x", "a\n/../../x", "", "a//b", "./a", "a/."].map((path) =>
    one(`file path ${JSON.stringify(path)}`, { files: [file(path)] }, "files[0].path"),
  ),
  one("a file twice", { files: [file("a"), file("a")] }, "files[1].path", /two files "a"/),
  one("a hash in capitals", { files: [{ ...file("a"), sha256: "A".repeat(64) }] }, "files[0].sha256"),
  ["no jobs", { jobs: [] }, "bad-field", "jobs", /must not be empty/],
  ["jobs missing", {}, "bad-field", "jobs", /is missing/],
  [
    "10,001 jobs",
    { jobs: Array.from({ length: 10_001 }, (_, i) => ({ ...base, name: `j${i}` })) },
    "bad-field",
    "jobs",
    /at most 10000 items/,
  ],
  ["jobs as an object", { jobs: {} }, "bad-field", "jobs", /must be a list; it is an object/],
  ["null", null, "bad-field", "body", /must be an object; it is null/],
  ["a list", [], "bad-field", "body"],
  ["text", '"x"', "bad-field", "body"],
  ["a run with a slash", { run: { id: "a/b" }, jobs: [base] }, "bad-field", "run.id"],
  ["a run as text", { run: "r", jobs: [base] }, "bad-field", "run", /an object or null; it is "r"/],
  ["an owner without id", { owner: {}, jobs: [base] }, "bad-field", "owner.id", /is missing/],
];
const unknownFields: Case[] = [
  [
    "cpu for cpus",
    { jobs: [{ ...base, cpu: 1 }] },
    "unknown-field",
    "jobs[0].cpu",
    /no field "cpu" in jobs\[0\]\. Did you mean cpus\?/,
  ],
  [
    "timeout for timeout_ms",
    { jobs: [{ ...base, timeout: 1 }] },
    "unknown-field",
    "jobs[0].timeout",
    /Did you mean timeout_ms\?/,
  ],
  [
    "gpu-model for gpu_model",
    { jobs: [{ ...base, "gpu-model": "x" }] },
    "unknown-field",
    "jobs[0].gpu-model",
    /Did you mean gpu_model\?/,
  ],
  [
    "nothing like it",
    { jobs: [{ ...base, zzzzzz: 1 }] },
    "unknown-field",
    "jobs[0].zzzzzz",
    /^There is no field "zzzzzz" in jobs\[0\]\.$/,
  ],
  [
    "in the second job",
    { jobs: [base, { ...base, name: "b", enviroment: {} }] },
    "unknown-field",
    "jobs[1].enviroment",
  ],
  ["in the submission", { job: [], jobs: [base] }, "unknown-field", "job", /Did you mean jobs\?/],
  ["in the run", { run: { ID: "x" }, jobs: [base] }, "unknown-field", "run.ID", /Did you mean id\?/],
  [
    "in a file",
    { jobs: [{ ...base, files: [{ ...file("a"), mode: 1 }] }] },
    "unknown-field",
    "jobs[0].files[0].mode",
  ],
  ["constructor", { jobs: [{ ...base, toString: 1 }] }, "unknown-field", "jobs[0].toString"],
];
const graphs: Case[] = [
  ["a name twice", { jobs: [base, base] }, "duplicate-job", "jobs[1].name"],
  [
    "a parent that is not there",
    { jobs: [{ ...base, parents: ["b"] }] },
    "unknown-parent",
    "jobs[0].parents[0]",
    /"b"/,
  ],
  [
    "a parent id that is not there",
    { jobs: [{ ...base, parents: ["abcdefghijkl"] }] },
    "unknown-parent",
    "jobs[0].parents[0]",
  ],
  [
    "a parent that is no name",
    { run: { id: "r" }, jobs: [{ ...base, parents: ["../x\0"] }] },
    "unknown-parent",
    "jobs[0].parents[0]",
  ],
  ["itself", { jobs: [{ ...base, parents: ["a"] }] }, "dependency-cycle", "jobs[0].parents", /a → a/],
  [
    "a circle",
    {
      jobs: [
        { ...base, parents: ["c"] },
        { ...base, name: "b", parents: ["a"] },
        { ...base, name: "c", parents: ["b"] },
      ],
    },
    "dependency-cycle",
    undefined,
    /(a → b → c → a)|(b → c → a → b)|(c → a → b → c)/,
  ],
  [
    "a long circle",
    {
      jobs: Array.from({ length: 3_000 }, (_, i) => ({
        ...base,
        name: `j${i}`,
        parents: [`j${(i + 1) % 3_000}`],
      })),
    },
    "dependency-cycle",
    undefined,
  ],
  [
    "a file that was not sent",
    { jobs: [base, { name: "b", script: "a.py", files: [file("a.py")] }] },
    "unknown-blob",
    "jobs[1].files[0].sha256",
    new RegExp(sha256),
  ],
];

for (const [what, body, code, field, detail] of [...shapes, ...amounts, ...unknownFields, ...graphs]) {
  test(`refused: ${what}`, async () => {
    const answer = await api.call<Problem>(
      "POST",
      "/api/v1/jobs",
      typeof body === "string" ? body : JSON.stringify(body),
    );
    assert.equal(answer.body.code, code, JSON.stringify(answer.body).slice(0, 500));
    assert.equal(answer.status, 400);
    assert.match(answer.headers.get("content-type")!, /^application\/problem\+json/);
    if (field !== undefined) assert.equal(answer.body.field, field);
    if (detail !== undefined) assert.match(answer.body.detail, detail);
    assert.ok(answer.body.detail.length < 500 && answer.body.hint.length > 0);
  });
}

const raw: [string, string | Uint8Array, RegExp][] = [
  ["half of it", '{"jobs": [', /is not JSON/],
  ["garbage bytes", new Uint8Array([0, 255, 254, 1, 2, 3]), /is not JSON/],
  ["nothing", "", /is empty/],
  ["a name of the language", '{"__proto__": {"x": 1}, "jobs": []}', /./],
  ["a constructor", '{"constructor": {"prototype": {"x": 1}}, "jobs": []}', /./],
  ["NaN", '{"jobs": [{"name": "a", "command": ["x"], "cpus": NaN}]}', /is not JSON/],
  ["infinity", '{"jobs": [{"name": "a", "command": ["x"], "cpus": 1e999}]}', /cpus/],
  ["two million brackets", "[".repeat(2_000_000) + "]".repeat(2_000_000), /must be an object/],
  [
    "deep inside a job",
    `{"jobs":[{"name":"a","args":${"[".repeat(500_000)}${"]".repeat(500_000)}}]}`,
    /args/,
  ],
];
for (const [what, body, detail] of raw) {
  test(`refused as a body: ${what}`, async () => {
    const response = await api.fetch("/api/v1/jobs", {
      method: "POST",
      body: body as string,
      headers: { "content-type": "application/json" },
    });
    const problem = (await response.json()) as Problem;
    assert.equal(response.status, 400, JSON.stringify(problem));
    assert.match(problem.detail, detail);
  });
}

test("a body over the limit is answered, whoever sends it and however", async () => {
  const body = `{"jobs":[{"name":"a","command":["x"],"args":["${"x".repeat(17 * 1024 * 1024)}"]}]}`;
  const whole = await api.call<Problem>("POST", "/api/v1/jobs", body);
  assert.equal(whole.status, 413);
  assert.equal(whole.body.code, "too-large");
  assert.match(whole.body.detail, /16 MiB/);
  const stream = new Blob([body]).stream();
  const chunked = await api.fetch("/api/v1/jobs", {
    method: "POST",
    body: stream,
    headers: { "content-type": "application/json" },
    duplex: "half",
  } as RequestInit);
  assert.equal(chunked.status, 413);
  await chunked.body?.cancel();
});

for (const [kind, version, more] of [
  ["keeps the connection", "1.1", ""],
  ["asks for its close", "1.1", "connection: close\r\n"],
  ["speaks HTTP/1.0", "1.0", ""],
] as const) {
  test(`one that sends the whole body first still hears that it was too large, if it ${kind}`, async () => {
    const body = Buffer.alloc(17 * 1024 * 1024, 32);
    const head = `POST /api/v1/jobs HTTP/${version}\r\nhost: x\r\n${more}authorization: Bearer ${TOKEN}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
    // Whether the answer is lost is a matter of chance.
    for (let round = 0; round < 5; round++) {
      const socket = connect(api.port, "127.0.0.1");
      socket.write(head);
      await new Promise<void>((resolve, reject) => {
        socket.once("error", reject);
        socket.write(body, (error) => (error ? reject(error) : resolve()));
      });
      const [answer] = (await once(socket, "data")) as [Buffer];
      assert.match(answer.toString(), /^HTTP\/1\.1 413 /);
      if (kind !== "keeps the connection" && !socket.closed) await once(socket, "close");
      socket.destroy();
    }
  });
}

test("after all of this nothing was kept", async () => {
  const { body } = await api.call<{ jobs: unknown[] }>("GET", "/api/v1/jobs");
  assert.deepEqual(body.jobs, []);
});
