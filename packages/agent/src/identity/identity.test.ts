import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { bootId, defaultName, nodeId } from "./identity.ts";
import { lockState } from "./lock.ts";

const dir = mkdtempSync(join(tmpdir(), "titan-identity-"));
after(() => rmSync(dir, { recursive: true, force: true }));

describe("identity", () => {
  it("makes an id once and keeps it", () => {
    const id = nodeId(dir);
    assert.equal(nodeId(dir), id);
    writeFileSync(join(dir, "node.json"), '{"id": ');
    assert.notEqual(nodeId(dir), id, "a file that was cut off is made anew");
  });

  it("has a name that fits and a boot id", () => {
    assert.match(defaultName(), /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/);
    assert.equal(bootId(), bootId());
  });
});

describe("lock", () => {
  it("lets one process in, and names it to the others", () => {
    const release = lockState(dir);
    assert.throws(() => lockState(dir), { code: "state-in-use", message: new RegExp(`${process.pid}`) });
    release();
    lockState(dir)();
  });

  it("takes over from a process that is gone, or whose number another has now", () => {
    const pid = Number(execFileSync("/bin/sh", ["-c", "echo $$"], { encoding: "utf8" }));
    for (const stale of [
      { pid, startedAt: "1" },
      { pid: process.pid, startedAt: "1" },
    ]) {
      writeFileSync(join(dir, "lock"), JSON.stringify(stale));
      const release = lockState(dir);
      assert.equal(JSON.parse(readFileSync(join(dir, "lock"), "utf8")).pid, process.pid);
      release();
    }
  });
});
