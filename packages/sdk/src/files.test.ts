import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { jobFromFile, jobFromText, localFile, nameFrom } from "./files.ts";
import { folderFiles } from "./folder.ts";
import { toSpec } from "./job-input.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "titan-sdk-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

test("a script becomes a job with its file, named after it", async () => {
  const path = join(folder, "train me.py");
  writeFileSync(path, "print(1)\n");
  const job = await jobFromFile(path, { gpus: 1, args: ["--x"] });
  const file = { path: "train me.py", sha256: sha256("print(1)\n"), size: 9 };
  assert.deepEqual(toSpec(job), {
    name: "train-me",
    script: "train me.py",
    gpus: 1,
    args: ["--x"],
    files: [file],
  });
  const read: Buffer[] = [];
  for await (const piece of job.local![0]!.open()) read.push(Buffer.from(piece));
  assert.equal(Buffer.concat(read).toString(), "print(1)\n");
});

test("a script that is not there, a folder, empty, or no text is refused before anything is sent", async () => {
  const not = (name: string, code: string) =>
    assert.rejects(jobFromFile(join(folder, name)), { code, field: "script" });
  mkdirSync(join(folder, "folder.py"));
  writeFileSync(join(folder, "empty.py"), "");
  writeFileSync(join(folder, "latin.py"), Buffer.from([0x23, 0xe9, 0x0a]));
  writeFileSync(join(folder, "cut.sh"), Buffer.from([0x23, 0xc3]));
  await not("absent.py", "script-not-found");
  await not("empty.py/below.py", "script-not-found");
  await not("folder.py", "script-unreadable");
  await not("empty.py", "script-unreadable");
  await not("latin.py", "script-unreadable");
  await not("cut.sh", "script-unreadable");
  assert.throws(() => jobFromText("a.py", ""), { code: "script-unreadable" });
});

test("programs may be any bytes and keep their mode; other files may be empty", async () => {
  const path = join(folder, "tool");
  writeFileSync(path, Buffer.from([0x7f, 0x45, 0xff]));
  chmodSync(path, 0o755);
  assert.equal((await jobFromFile(path)).local![0]!.executable, true);
  writeFileSync(join(folder, "none.csv"), "");
  assert.equal((await localFile(join(folder, "none.csv"))).size, 0);
});

test("a folder brings its files, without environments and version control", async () => {
  for (const name of [".git", "src", "src/__pycache__", "venv"]) mkdirSync(join(folder, name));
  for (const name of [".git/HEAD", "src/a.py", "src/__pycache__/a.pyc", "venv/x", "b.txt"])
    writeFileSync(join(folder, name), "x");
  assert.deepEqual(
    (await folderFiles(folder)).map(({ path }) => path),
    ["b.txt", "src/a.py"],
  );
});

test("a job name is made from anything", () => {
  assert.equal(nameFrom("träin (1)"), "tr-in-1-");
  assert.equal(nameFrom("../.."), "job");
  assert.equal(nameFrom("x".repeat(300)).length, 128);
});
