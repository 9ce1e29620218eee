/**
 * The documents are run. `sh` and `python` blocks of each run in order in one folder, against a real cluster, and must
 * succeed. The comment above a block may say `<!-- file: NAME -->`: written there, not run, or `<!-- not run: why -->`.
 */
import assert from "node:assert/strict";
import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Cluster, ROOT, start } from "./cluster.ts";

interface Block {
  readonly line: number;
  readonly language: string;
  readonly code: string;
  readonly comment: string;
}

function blocks(markdown: string): Block[] {
  const found: Block[] = [];
  const lines = markdown.split("\n");
  for (let index = 0; index < lines.length; index++) {
    const language = /^```(sh|python|console|yaml)$/.exec(lines[index] ?? "")?.[1];
    if (language === undefined) continue;
    const end = lines.indexOf("```", index);
    const comment = /^<!-- (.*) -->$/.exec(lines[index - 1] ?? "")?.[1] ?? "";
    found.push({ line: index + 1, language, code: lines.slice(index + 1, end).join("\n"), comment });
    index = end;
  }
  return found;
}

const documents = ["README.md", "CONTRIBUTING.md", ...globSync("docs/*.md", { cwd: ROOT }).sort()];
let cluster: Cluster;

before(async () => {
  cluster = await Cluster.start([
    { name: "plain", flags: ["--cpus", "2", "--gpus", "0"] },
    { name: "gpu1", flags: ["--cpus", "2", "--gpus", "1"] },
  ]);
});
after(() => cluster.stop());

for (const document of documents) {
  const toRun = blocks(readFileSync(join(ROOT, document), "utf8")).filter(
    (block) => !block.comment.startsWith("not run: "),
  );
  if (toRun.length === 0) continue;
  test(`the code in ${document} works`, async () => {
    const folder = join(cluster.folder, document.replaceAll("/", "-"));
    mkdirSync(join(folder, "dagster"), { recursive: true });
    const bin = join(ROOT, ".venv", "bin");
    const env = {
      ...cluster.env,
      PATH: `${bin}:${process.env.PATH ?? ""}`,
      DAGSTER_HOME: join(folder, "dagster"),
    };
    for (const block of toRun) {
      const file = /^file: (\S+)$/.exec(block.comment)?.[1];
      if (file !== undefined) {
        writeFileSync(join(folder, file), `${block.code}\n`);
        continue;
      }
      const runs = block.language === "sh" || block.language === "python";
      assert.ok(runs, `${document}:${block.line}: a ${block.language} block is shown or written, not run`);
      const program = block.language === "python" ? ["python", "-c"] : ["bash", "-euo", "pipefail", "-c"];
      // Through `env`, for its working directory: the block then starts in the document's own folder.
      const run = start(["-C", folder, ...program, block.code], env, "env");
      const code = await run.ended;
      assert.equal(code, 0, `${document}:${block.line} ended with ${code}:\n${run.output()}`);
    }
  });
}
