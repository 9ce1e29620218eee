import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { lockFolder } from "./lock.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "titan-lock-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("a folder is held by one, who is named, until it is released", () => {
  const lock = lockFolder(join(folder, "state"));
  assert.throws(() => lockFolder(join(folder, "state")), {
    code: "state-in-use",
    message: new RegExp(`in use by process ${process.pid} \\(.*node`),
  });
  lock.release();
  assert.deepEqual(readdirSync(join(folder, "state")), []);
  lockFolder(join(folder, "state")).release();
});

test("the lock of a killed process is taken over", async () => {
  const module = new URL("./lock.ts", import.meta.url).href;
  const source = `const { lockFolder } = await import(${JSON.stringify(module)}); lockFolder(${JSON.stringify(folder)}); console.log("held"); setInterval(() => {}, 1e6)`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", source], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  assert.throws(() => lockFolder(folder), {
    code: "state-in-use",
    message: new RegExp(`process ${child.pid} `),
  });
  child.kill("SIGKILL");
  await once(child, "exit");
  lockFolder(folder).release();
});

test("a pid that came round again is not the holder", { skip: process.platform !== "linux" }, () => {
  const lock = lockFolder(folder);
  const held = JSON.parse(readFileSync(join(folder, "lock"), "utf8"));
  lock.release();
  writeFileSync(join(folder, "lock"), JSON.stringify({ ...held, startedTicks: "1" }));
  const next = lockFolder(folder);
  // The former holder, if it lived, must not take away what is another's now.
  lock.release();
  assert.ok(existsSync(join(folder, "lock")));
  next.release();
});

test("a torn lock file is no lock", () => {
  for (const content of ["", "{", "null", "[]", '{"pid":"x"}', '{"pid":-1}']) {
    writeFileSync(join(folder, "lock"), content);
    lockFolder(folder).release();
  }
});
