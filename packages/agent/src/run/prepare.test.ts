import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Device } from "@titan/core";
import type { JobPayload } from "@titan/protocol";
import type { StartOrder } from "@titan/protocol/link";
import { systemClock } from "../clock.ts";
import { silentLog } from "../log.ts";
import { TestMaster, TOKEN } from "../testing/master.ts";
import { explainFailure, type LaunchError } from "./argv.ts";
import { BlobCache } from "./blobs.ts";
import { baseEnvironment, jobEnvironment } from "./environment.ts";
import { NodeFolders } from "./folders.ts";
import type { LaunchFailure } from "./launcher.ts";
import { type PrepareParts, prepare } from "./prepare.ts";

let dir: string;
let master: TestMaster;
let blobs: BlobCache;
let parts: PrepareParts;

function order(jobId: string, payload: Partial<JobPayload>, more: Partial<StartOrder> = {}): StartOrder {
  const whole = { command: null, script: null, args: [], env: {}, python: null, files: [], ...payload };
  const rest = {
    number: 1,
    name: jobId,
    runId: null,
    devices: [],
    timeoutMs: null,
    graceMs: 0,
    lostAfterMs: 900_000,
    notes: [],
  };
  return { jobId, ...rest, ...more, payload: whole };
}

function cache(name: string): BlobCache {
  return new BlobCache({ dir: join(dir, name), url: master.url, token: TOKEN, clock: systemClock });
}

before(async () => {
  dir = mkdtempSync(join(tmpdir(), "titan-prepare-"));
  master = await new TestMaster().listen();
  blobs = cache("blobs");
  const folders = new NodeFolders(dir, silentLog);
  parts = { folders, blobs, node: "n1", url: master.url, python: "/py", path: "/usr/bin:/bin" };
});

after(async () => {
  blobs.close();
  await master.close();
  rmSync(dir, { recursive: true, force: true });
});

describe("prepare", () => {
  it("keeps two jobs with the same file name apart", async () => {
    const one = master.file("train.py", "print(1)");
    const two = master.file("train.py", "print(2)");
    const launches = await Promise.all([
      prepare(order("a", { script: "train.py", files: [one], args: ["--x", "y z"] }), parts),
      prepare(order("b", { script: "train.py", files: [two] }), parts),
    ]);
    const scripts = launches.map((launch) => launch.argv[2] as string);
    assert.deepEqual(
      scripts.map((path) => readFileSync(path, "utf8")),
      ["print(1)", "print(2)"],
    );
    assert.deepEqual(launches[0]?.argv, ["/py", "-u", join(dir, "attempts/a.1/code/train.py"), "--x", "y z"]);
  });

  it("asks the master once for what several attempts want at the same time", async () => {
    const file = master.file("sub/dir/data.bin", Buffer.alloc(300_000, 7));
    master.blobRequests.length = 0;
    const all = ["c", "d", "e"].map((id) => prepare(order(id, { command: ["true"], files: [file] }), parts));
    await Promise.all(all);
    assert.deepEqual(master.blobRequests, [file.sha256]);
    assert.equal(readFileSync(join(dir, "attempts/e.1/code/sub/dir/data.bin")).length, 300_000);
  });

  it("copies, so that a job's changes reach nobody else, and sets the executable bit", async () => {
    const file = { ...master.file("tool", "#!/bin/sh\n"), executable: true };
    await prepare(order("f", { command: ["true"], files: [file] }), parts);
    const path = join(dir, "attempts/f.1/code/tool");
    assert.equal(statSync(path).mode & 0o777, 0o700);
    writeFileSync(path, "changed");
    await prepare(order("g", { script: "tool", files: [{ ...file, executable: false }] }), parts);
    const other = join(dir, "attempts/g.1/code/tool");
    assert.equal(readFileSync(other, "utf8"), "#!/bin/sh\n");
    assert.equal(
      statSync(other).mode & 0o100,
      0o100,
      "a script without a known interpreter is run by itself",
    );
  });

  it("chooses by the ending how a script runs, and the working directory by the run", async () => {
    const file = master.file("go.sh", "echo");
    const launch = await prepare(order("h", { script: "go.sh", files: [file] }, { runId: "r7" }), parts);
    assert.deepEqual(launch.argv, ["/bin/bash", join(dir, "attempts/h.1/code/go.sh")]);
    assert.equal(launch.cwd, join(dir, "runs/r7"));
    assert.deepEqual([launch.env.TITAN_RUN_ID, launch.env.TITAN_RUN_DIR], ["r7", launch.cwd]);
    const alone = await prepare(order("i", { command: ["/bin/true"] }), parts);
    assert.equal(alone.cwd, join(dir, "attempts/i.1/work"));
    assert.equal(alone.env.TITAN_RUN_ID, undefined);
  });

  it("finds a program in the job's own PATH, and keeps the name it was called by", async () => {
    const bin = join(dir, "bin");
    mkdirSync(bin);
    writeFileSync(join(bin, "mine"), "#!/bin/sh\n");
    chmodSync(join(bin, "mine"), 0o755);
    const launch = await prepare(
      order("j", { command: ["mine", "x"], env: { PATH: `/none:${bin}` } }),
      parts,
    );
    assert.deepEqual([launch.exe, launch.argv], [join(bin, "mine"), ["mine", "x"]]);
    const missing = async (): Promise<unknown> => prepare(order("k", { command: ["mine"] }), parts);
    await assert.rejects(missing, { message: "no such program: mine (looked in PATH)" });
  });

  it("names an interpreter that is not there", async () => {
    const file = master.file("x.py", "pass");
    const bad = async (): Promise<unknown> =>
      prepare(order("l", { script: "x.py", files: [file], python: "/no/python" }), parts);
    await assert.rejects(bad, { message: "no such interpreter: /no/python" });
  });

  it("refuses names that lead elsewhere", async () => {
    for (const path of ["../up", "/etc/x", "a/../../b"]) {
      const file = { ...master.file("x", "x"), path };
      await assert.rejects(
        async () => prepare(order("m", { command: ["true"], files: [file] }), parts),
        /leads out/,
      );
    }
    assert.throws(() => prepare(order("../m", { command: ["true"] }), parts), /cannot be a folder/);
  });
});

describe("blobs", () => {
  it("says so when the master does not have a file, or sends another", async () => {
    await assert.rejects(blobs.path("0".repeat(64)), /answered 404 for the file 0000/);
    const sha256 = createHash("sha256").update("right").digest("hex");
    master.blobs.set(sha256, Buffer.from("wrong"));
    await assert.rejects(blobs.path(sha256), (error: LaunchError) => /other content/.test(error.message));
    assert.ok(!readdirSync(join(dir, "blobs")).some((name) => name.startsWith(sha256)));
  });

  it("waits for a master that is away", async () => {
    const other = await new TestMaster().listen();
    const file = other.file("late", "late content");
    const { url } = other;
    await other.close();
    const late = new BlobCache({ dir: join(dir, "late"), url, token: TOKEN, clock: systemClock });
    const asked = late.path(file.sha256);
    await other.close().catch(() => {});
    const again = new TestMaster();
    again.blobs.set(file.sha256, Buffer.from("late content"));
    await again.listen(Number(new URL(url).port));
    assert.equal(readFileSync(await asked, "utf8"), "late content");
    late.close();
    await again.close();
  });

  it("trims the oldest", async () => {
    const small = cache("small");
    for (const [at, text] of ["first", "second"].entries()) {
      utimesSync(await small.path(master.file("x", text).sha256), at + 1, at + 1);
    }
    writeFileSync(join(dir, "small", "half.3"), "half a file");
    await small.trim(6);
    assert.deepEqual(
      readdirSync(join(dir, "small")).map((name) => readFileSync(join(dir, "small", name), "utf8")),
      ["second"],
    );
    small.close();
  });
});

describe("environment", () => {
  const place = { node: "n1", url: "http://m", cwd: "/w", codeDir: "/c" };
  const device = (index: number, vendor: Device["vendor"]): Device => ({
    index,
    vendor,
    model: "",
    memoryBytes: 0,
    uuid: null,
  });
  const seen = (...devices: Device[]): (string | undefined)[] => {
    const env = jobEnvironment(order("a", { command: ["x"] }, { devices }), place);
    return [env.CUDA_VISIBLE_DEVICES, env.HIP_VISIBLE_DEVICES, env.ROCR_VISIBLE_DEVICES];
  };

  it("shows a job exactly its devices", () => {
    assert.deepEqual(seen(), ["", "", ""]);
    assert.deepEqual(seen(device(1, "nvidia"), device(3, "nvidia")), ["1,3", "1,3", "1,3"]);
    assert.deepEqual(seen(device(1, "amd"), device(3, "amd")), ["0,1", "0,1", "1,3"], "AMD's layers nest");
    assert.deepEqual(seen(device(0, "declared")), ["0", "0", "0"]);
  });

  it("keeps the key to the master from jobs, and lets the payload have the last word", () => {
    assert.deepEqual(
      baseEnvironment({ A: "1", TITAN_TOKEN: "x", TITAN_TOKEN_FILE: "y", TITAN_STORE: "z", B: undefined }),
      {
        A: "1",
      },
    );
    const env = jobEnvironment(order("a", { command: ["x"], env: { TITAN_NODE: "mine" } }), place);
    assert.equal(env.TITAN_NODE, "mine");
  });
});

describe("explainFailure", () => {
  const failure = (errno: string, what: LaunchFailure["what"] = "exec"): LaunchFailure => ({
    ev: "failed",
    id: "a.1",
    errno,
    what,
    message: errno,
  });

  it("tells a missing program from a missing interpreter", () => {
    const script = join(dir, "odd");
    writeFileSync(script, "#!/no/such/perl -w\n");
    assert.equal(explainFailure(failure("ENOENT"), { argv: ["/no/x"] }, dir), "no such program: /no/x");
    assert.equal(
      explainFailure(failure("ENOENT"), { argv: ["./odd"] }, dir),
      "no such interpreter: /no/such/perl (named by ./odd)",
    );
    assert.match(explainFailure(failure("ENOEXEC"), { argv: ["./odd"] }, dir), /not a program/);
    assert.match(
      explainFailure(failure("ENOTDIR", "cwd"), { argv: ["x"] }, "/dev/null"),
      /working directory \/dev\/null/,
    );
  });
});
