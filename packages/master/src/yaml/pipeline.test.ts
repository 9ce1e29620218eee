import assert from "node:assert/strict";
import { test } from "node:test";
import { readPipeline } from "./pipeline.ts";

test("a file as the older format has it, with Titan's amounts", () => {
  const view = readPipeline(`
name: demo
project: false
version: 1
jobs:
  - id: raw
    file: extract.py
    args: --out "a b.csv" 'x;y' z\\ w
  - id: model
    type: run
    file: src/train.py
    depends_on: [raw]
    requirement: GPU
    affinity: true
    priority: 5
    delay: 1.5
    args: [--epochs, 3, true]
    env: {SEED: 42}
    gpus: 2
    gpu_memory: 24G
    timeout_ms: 60000
`);
  assert.deepEqual(view, {
    name: "demo",
    project: false,
    jobs: [
      {
        id: "raw",
        file: "extract.py",
        args: ["--out", "a b.csv", "x;y", "z w"],
        depends_on: [],
        requirement: "GENERAL",
        priority: 1,
        delay_ms: 0,
        affinity: false,
        env: {},
        resources: {},
      },
      {
        id: "model",
        file: "src/train.py",
        args: ["--epochs", "3", "true"],
        depends_on: ["raw"],
        requirement: "GPU",
        priority: 5,
        delay_ms: 1500,
        affinity: true,
        env: { SEED: "42" },
        resources: { gpus: 2, gpu_memory: "24G", timeout_ms: 60000 },
      },
    ],
  });
});

test("the older format's defaults", () => {
  const view = readPipeline("jobs: [{id: a, file: a.py}]");
  assert.equal(view.name, "titan_agent");
  assert.equal(view.project, true);
  assert.equal(readPipeline("{project: false, jobs: [{id: a, file: a.py}]}").project, false);
});

const job = (rest: string) => `jobs:\n  - id: a\n    file: a.py\n    ${rest}\n`;
const refused: [string, string, RegExp][] = [
  ["nothing", "", /line 1, column 1: The file is empty/],
  ["only a comment", "# hello\n", /The file is empty/],
  ["a list", "- a\n", /line 1, column 1: the file must be an object/],
  ["text", "hello", /the file must be an object/],
  ["no jobs", "name: x\n", /jobs is missing/],
  ["an empty list", "jobs: []\n", /line 1, column 1: jobs must not be empty/],
  ["broken syntax", "jobs:\n  - id: [a\n", /line \d+, column \d+: /],
  ["a tab", "jobs:\n\t- id: a\n", /line 2, column 1: /],
  ["a key twice", "name: a\nname: b\njobs: []\n", /line 2, column 1: .*unique/],
  ["two documents", "jobs: []\n---\njobs: []\n", /line 2, column \d+: .*multiple documents/],
  [
    "a field of the file misspelt",
    "job: []\n",
    /line 1, column 1: (There is no field "job"\. Did you mean jobs\?|jobs is missing)/,
  ],
  [
    "a field of a job misspelt",
    job("depend_on: [b]"),
    /line 4, column 5: There is no field "depend_on" in jobs\[0\]\. Did you mean depends_on\?/,
  ],
  ["timeout in whatever unit", job("timeout: 5"), /line 4, column 5: .*Did you mean timeout_ms\?/],
  [
    "a wrong type",
    job("priority: high"),
    /line 4, column 5: jobs\[0\]\.priority must be a whole number; it is "high"/,
  ],
  ["a negative amount", job("cpus: -1"), /line 4, column 5: jobs\[0\]\.cpus must be more than 0; it is -1/],
  [
    "memory in potatoes",
    job('memory: "10 potatoes"'),
    /line 4, column 5: jobs\[0\]\.memory must be bytes, or text/,
  ],
  ["a negative delay", job("delay: -1"), /line 4, column 5: jobs\[0\]\.delay must be/],
  [
    "an id with a path in it",
    "jobs:\n  - id: ../a\n    file: a.py\n",
    /line 2, column 5: jobs\[0\]\.id must be letters/,
  ],
  ["no file", "jobs:\n  - id: a\n", /line 2, column 5: jobs\[0\]\.file is missing/],
  ["an open quote", job(`args: 'say "hello'`), /line 4, column 5: a has arguments with an open quote/],
  [
    "a missing parent",
    `${job("depends_on: [row]")}  - {id: raw, file: b.py}\n`,
    /line 4, column 18: a depends on "row", which is no job of this file\. Did you mean raw\?/,
  ],
  [
    "a circle",
    "jobs:\n  - {id: a, file: a.py, depends_on: [c]}\n  - {id: b, file: a.py, depends_on: [a]}\n  - {id: c, file: a.py, depends_on: [b]}\n",
    /line 2, column 25: .*circle: a → c → b → a/,
  ],
  ["itself as a parent", job("depends_on: [a]"), /circle: a → a/],
  [
    "the same id twice",
    "jobs:\n  - {id: a, file: a.py}\n  - {id: a, file: b.py}\n",
    /line 3, column 6: There are two jobs with the id a/,
  ],
  ["a service", job("type: service"), /line 4, column 5: a is a service: Titan does not run services yet/],
  ["a port", job("port: 8080"), /services yet/],
  ["an approval", job("hitl_message: may I?"), /line 4, column 5: a waits for a person's approval/],
  ["another type", job("type: cron"), /the only one is run/],
  [
    "a bomb of aliases",
    `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c]\njobs: [*d,*d,*d,*d]\n`,
    /line 1, column 1: .*alias/i,
  ],
];
for (const [what, text, message] of refused) {
  test(`refused: ${what}`, () => {
    assert.throws(() => readPipeline(text), { code: "bad-yaml", message });
  });
}

test("a long chain and a wide fan are read at once", () => {
  const chain = Array.from(
    { length: 5_000 },
    (_, i) => `  - {id: j${i}, file: a.py, depends_on: [${i === 0 ? "" : `j${i - 1}`}]}`,
  );
  assert.equal(readPipeline(`jobs:\n${chain.join("\n")}\n`).jobs.length, 5_000);
});
