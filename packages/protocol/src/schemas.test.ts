import assert from "node:assert/strict";
import { test } from "node:test";
import { Compile } from "typebox/compile";
import * as schemas from "./schemas.ts";

const spec = Compile(schemas.JobSpec);
const sha256 = "0".repeat(64);

test("a plain job spec is taken", () => {
  assert.ok(
    spec.Check({
      name: "train",
      command: ["true"],
      cpus: 0.5,
      memory: "16GiB",
      gpus: 0,
      affinity: "required",
    }),
  );
});

const refused: [string, unknown][] = [
  ...["", "a/b", "..", ".hidden", "-x", "a\0b", "a\nb", "x".repeat(129), "🚀", "a b"].map(
    (name): [string, unknown] => [`name ${JSON.stringify(name.slice(0, 12))}`, { name }],
  ),
  ...["cpus", "memory", "gpus", "gpu_memory", "timeout_ms", "retries"].flatMap(
    (field): [string, unknown][] => [
      [`${field} negative`, { name: "a", [field]: -1 }],
      [`${field} absurd`, { name: "a", [field]: 1e300 }],
      [`${field} of the wrong type`, { name: "a", [field]: [] }],
    ],
  ),
  ...["cpus", "memory", "timeout_ms"].map((field): [string, unknown] => [
    `${field} zero`,
    { name: "a", [field]: 0 },
  ]),
  ["a part of a gpu", { name: "a", gpus: 0.5 }],
  ["memory in potatoes", { name: "a", memory: "10 potatoes" }],
  ["an unknown field", { name: "a", cpu: 1 }],
  ["an empty command", { name: "a", command: [] }],
  ["NUL in an argument", { name: "a", args: ["a\0b"] }],
  ["= in an environment name", { name: "a", env: { "A=B": "1" } }],
  ...["/etc/passwd", "../x", "a/../../x", "a\n/../x", ""].map((path): [string, unknown] => [
    `file path ${path}`,
    { name: "a", files: [{ path, sha256, size: 1 }] },
  ]),
];

for (const [what, value] of refused) {
  test(`refused: ${what}`, () => assert.equal(spec.Check(value), false));
}
