import assert from "node:assert/strict";
import { test } from "node:test";
import { LogPrinter } from "./log-printer.ts";
import { makeStyle } from "./style.ts";
import type { Terminal } from "./terminal.ts";

const data = (text: string | Buffer) => Buffer.from(text).toString("base64");

function recorder(tty: boolean): { terminal: Terminal; shown: string[] } {
  const shown: string[] = [];
  const style = makeStyle(false, false);
  const terminal: Terminal = {
    out: () => undefined,
    err: () => undefined,
    json: () => undefined,
    write: async (to, bytes) => void shown.push(`${to}:${Buffer.from(bytes).toString("latin1")}`),
    outIsTty: tty,
    errIsTty: tty,
    color: false,
    errColor: false,
    style,
    errStyle: style,
  };
  return { terminal, shown };
}

test("into a pipe goes every byte as it came", async () => {
  const { terminal, shown } = recorder(false);
  const printer = new LogPrinter(terminal, () => "gpubox");
  await printer.print({ stream: "stdout", data: data(Buffer.from([0xff, 0x1b, 0x00])) });
  await printer.print({ stream: "stderr", data: data("half") });
  await printer.end();
  assert.deepEqual(shown, ["stdout:\xff\x1b\x00", "stderr:half"]);
});

test("on a terminal: whole harmless lines with their node, streams apart, the last state of a progress bar", async () => {
  const { terminal, shown } = recorder(true);
  const printer = new LogPrinter(terminal, () => "gpubox");
  const bar = Buffer.from("│").toString("latin1");
  const heavy = Buffer.from("┃").toString("latin1");
  await printer.print({ stream: "stdout", data: data("one\ntw") });
  await printer.print({ stream: "stderr", data: data("oh\x1b]0;title\x07\n") });
  await printer.print({ stream: "stdout", data: data("o\n10%\r50%\r\nlast") });
  await printer.print({ stream: "titan", data: data("a note\n") });
  await printer.end();
  assert.deepEqual(shown, [
    `stdout:gpubox ${bar} one\n`,
    `stderr:gpubox ${heavy} oh\n`,
    `stdout:gpubox ${bar} two\n`,
    `stdout:gpubox ${bar} 50%\n`,
    `stderr:titan ${heavy} a note\n`,
    `stdout:gpubox ${bar} last\n`,
  ]);
});
