import assert from "node:assert/strict";
import { test } from "node:test";
import type { Command } from "./command.ts";
import { milliseconds } from "./job-flags.ts";
import { nearest } from "./nearest.ts";
import { parse } from "./parse.ts";

const flags = {
  all: { type: "boolean", short: "a", help: "" },
  gpus: { type: "string", value: "N", help: "" },
  label: { type: "string", multiple: true, help: "" },
} as const;
const plain: Pick<Command, "usage" | "flags" | "takes"> = {
  usage: ["titan x [JOB]"],
  flags,
  takes: { min: 0, max: 1 },
};
const rest: Pick<Command, "usage" | "flags" | "takes"> = {
  usage: ["titan run -- COMMAND"],
  flags,
  takes: "rest",
};

test("flags and words in any order, repeated ones in a list, absent ones empty", () => {
  const parsed = parse("x", plain, ["-a", "word", "--label", "a=1", "--label=b", "--gpus=2"]);
  assert.deepEqual(parsed.words, ["word"]);
  assert.deepEqual(
    { ...parsed.flags },
    { json: false, url: undefined, help: false, all: true, gpus: "2", label: ["a=1", "b"] },
  );
  assert.deepEqual(parse("x", plain, []).flags.label, []);
});

test("what is wrong is said, with the nearest right word", () => {
  const fails = (args: string[], message: RegExp) =>
    assert.throws(() => parse("x", plain, args), { code: "usage", message });
  fails(["--gpu", "1"], /no flag --gpu; did you mean --gpus\?/);
  fails(["--jsno"], /did you mean --json\?/);
  fails(["-q"], /no flag -q/);
  fails(["--constructor"], /no flag --constructor/);
  fails(["--gpus"], /--gpus needs a value: --gpus N/);
  fails(["--gpus", "--all"], /--gpus needs a value/);
  fails(["--all=yes"], /--all takes no value/);
  fails(["a", "b"], /does not take "b"/);
  fails(["--json", "--", "a", "--all"], /does not take "--all"/);
  const one = { ...plain, usage: ["titan x JOB"], takes: { min: 1, max: 1 } };
  assert.throws(() => parse("x", one, []), { code: "usage", message: "titan x needs more: titan x JOB" });
});

test("a value may be a negative number, or start with a dash behind =", () => {
  assert.equal(parse("x", plain, ["--gpus", "-1"]).flags.gpus, "-1");
  assert.equal(parse("x", plain, ["--gpus=-x"]).flags.gpus, "-x");
});

test("a program's own words stay as they are, from the first on or behind --", () => {
  const words = (args: string[]) => parse("run", rest, args).words;
  assert.deepEqual(words(["--gpus", "1", "python", "-u", "a.py", "--gpus", "2"]), [
    "python",
    "-u",
    "a.py",
    "--gpus",
    "2",
  ]);
  assert.deepEqual(words(["--gpus", "1", "--", "--odd", "--", "x;\n'"]), ["--odd", "--", "x;\n'"]);
  assert.deepEqual(parse("run", rest, ["echo", "--help"]).flags.help, false);
  assert.throws(() => parse("run", rest, ["--gpus", "1"]), { code: "usage", message: /nothing to run/ });
});

test("help comes whatever else is wrong", () => {
  assert.equal(parse("x", plain, ["--wrong", "-h"]).flags.help, true);
  assert.equal(parse("run", rest, ["--gpus", "1", "--help"]).flags.help, true);
});

test("the nearest word is close or none", () => {
  const known = ["submit", "status", "ps", "logs"];
  assert.equal(nearest("sumbit", known), "submit");
  assert.equal(nearest("stats", known), "status");
  assert.equal(nearest("log", known), "logs");
  assert.equal(nearest("deploy", known), null);
});

test("times carry a unit, or are seconds", () => {
  assert.deepEqual(
    ["90", "90s", "1.5m", "2h", "1d", "250ms"].map((text) => milliseconds("timeout", text)),
    [90_000, 90_000, 90_000, 7_200_000, 86_400_000, 250],
  );
  for (const text of ["", "-1", "1w", "s", "1 2"])
    assert.throws(() => milliseconds("timeout", text), { code: "usage" });
});
