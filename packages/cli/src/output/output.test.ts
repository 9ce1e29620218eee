import assert from "node:assert/strict";
import { test } from "node:test";
import { TitanError } from "@titan/protocol";
import { age, bytes, duration } from "./amounts.ts";
import { renderError } from "./error.ts";
import { terminalText, visible } from "./safe.ts";
import { makeStyle, stateWord } from "./style.ts";
import { table } from "./table.ts";

test("names and reasons cannot command the terminal", () => {
  assert.equal(visible("a\x1b[2Jb\r\n\x07\u009b1m\u202ex"), "a\\x1b[2Jb\\x0d\\n\\x07\\x9b1m\\u202ex");
  assert.equal(visible("grün 🚀"), "grün 🚀");
});

test("job output keeps its colours and loses what moves the cursor, sets titles or answers back", () => {
  assert.equal(terminalText("\x1b[1;31mred\x1b[0m\tx"), "\x1b[1;31mred\x1b[0m\tx");
  assert.equal(terminalText("a\x1b[2J\x1b[H\x1b[?1049hb"), "ab");
  assert.equal(terminalText("\x1b]0;title\x07x\x1b]52;c;aGk=\x1b\\y\x1b]8;;http://x"), "xy");
  assert.equal(terminalText("\x1bPq#0\x1b\\a\x1bc\x1b(Bb\x1b"), "ab");
  assert.equal(terminalText("bell\x07 back\x08 nul\0 c1\u009b2J"), "bell back nul c12J");
});

test("columns are as wide as their cells, colours count for nothing, only terminals cut", () => {
  const style = makeStyle(true, false);
  const rows = [
    ["a", style.red("long cell"), "the last one is long"],
    ["bb", "x", "y"],
  ];
  assert.equal(
    table(["ID", "NAME", "DETAIL"], rows).replaceAll("\x1b[31m", "").replaceAll("\x1b[0m", ""),
    "ID  NAME       DETAIL\na   long cell  the last one is long\nbb  x          y\n",
  );
  assert.match(table(["ID", "NAME", "DETAIL"], rows, 26), /long cell.* {2}the last o…\n/);
});

test("amounts and times", () => {
  assert.deepEqual([0, 512, 1_536, 16 * 2 ** 30, 1.5 * 2 ** 40].map(bytes), [
    "0 B",
    "512 B",
    "1.5 kB",
    "16 GB",
    "1.5 TB",
  ]);
  assert.deepEqual([4, 3_140, 60_000, 252_000, 7_500_000, 273_600_000].map(duration), [
    "4ms",
    "3.1s",
    "1m00s",
    "4m12s",
    "2h05m",
    "3d4h",
  ]);
  const now = Date.parse("2026-01-02T00:00:00Z");
  assert.deepEqual(
    ["2026-01-01T23:59:56Z", "2026-01-01T23:48:00Z", "2026-01-01T00:00:00Z"].map((time) => age(time, now)),
    ["4s", "12m", "1d"],
  );
});

test("a state is a sign and a word; without colour nothing is lost, ASCII if it must be", () => {
  assert.equal(stateWord(makeStyle(false, false), "failed"), "✗ failed");
  assert.equal(stateWord(makeStyle(false, true), "failed"), "x failed");
  assert.equal(stateWord(makeStyle(true, false), "failed"), "\x1b[31m✗ failed\x1b[0m");
});

test("errors: code, field, cause and hint for people; a problem for scripts", () => {
  const error = new TitanError("master-unreachable", "cannot reach it\x1b[2J", {
    hint: "start one",
    field: "url",
    cause: new Error("refused"),
  });
  assert.equal(
    renderError(error, { json: false, color: false }),
    "error[master-unreachable]: cannot reach it\\x1b[2J\n  field  url\n  cause  refused\n  hint   start one\n",
  );
  assert.equal(JSON.parse(renderError(error, { json: true, color: false })).error.code, "master-unreachable");
});
