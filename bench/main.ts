/**
 * `npm run bench`: measures, prints a table. `-- --json FILE` writes the rows, `-- --only NAME` (more than once if
 * wanted) measures only what these rows need, `-- --update-readme` puts the table into README.md.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ROOT } from "../e2e/cluster.ts";
import { makeFloors } from "./floors.ts";
import type { Group, Row } from "./row.ts";
import { coldStarts, idleCosts } from "./rows/footprint.ts";
import { latency } from "./rows/latency.ts";
import { logDelay, logSpeed } from "./rows/logs.ts";
import { noopJobs, pythonJobs, trueJobs } from "./rows/throughput.ts";
import { markdownTable, textTable } from "./table.ts";

const GROUPS: readonly Group[] = [
  latency,
  trueJobs,
  pythonJobs,
  noopJobs,
  logSpeed,
  logDelay,
  coldStarts,
  idleCosts,
];

const { values: flags } = parseArgs({
  options: {
    json: { type: "string" },
    only: { type: "string", multiple: true, default: [] },
    "update-readme": { type: "boolean", default: false },
  },
});
const names = GROUPS.flatMap((group) => group.rows);
const unknown = flags.only.find((name) => !names.includes(name));
if (unknown !== undefined) {
  console.error(`no row is called ${unknown}: ${names.join(", ")}`);
  process.exit(2);
}

const wanted = GROUPS.filter(
  (group) => flags.only.length === 0 || group.rows.some((name) => flags.only.includes(name)),
);
const floors = makeFloors();
const rows: Row[] = [];
for (const group of wanted) {
  process.stderr.write(`${group.rows.join(", ")} …\n`);
  const measured = await group.measure(floors);
  rows.push(...measured.filter((row) => flags.only.length === 0 || flags.only.includes(row.name)));
}
console.log(textTable(rows));

if (flags.json !== undefined) {
  const plain = rows.map(({ name, value, unit, floor, ratio }) => ({ name, value, unit, floor, ratio }));
  writeFileSync(flags.json, `${JSON.stringify(plain, null, 2)}\n`);
}
if (flags["update-readme"]) {
  const path = join(ROOT, "README.md");
  const machine = `${cpus().length} cores (${cpus()[0]?.model.trim() ?? "unknown"}), Node ${process.versions.node}`;
  const table = `<!-- bench:begin -->\n${markdownTable(rows, machine)}\n<!-- bench:end -->`;
  const readme = readFileSync(path, "utf8");
  writeFileSync(
    path,
    readme.replace(/<!-- bench:begin -->[\s\S]*<!-- bench:end -->/, () => table),
  );
}
