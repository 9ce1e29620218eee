import assert from "node:assert/strict";
import { test } from "node:test";
import { COMMANDS } from "./commands/index.ts";
import { commandHelp, overview } from "./help.ts";
import { parse } from "./parse.ts";

test("the overview names every command", () => {
  const text = overview(false);
  for (const { name, summary } of COMMANDS) assert.ok(text.includes(`  ${name.padEnd(9)}${summary}\n`), name);
});

for (const { name, load } of COMMANDS) {
  test(`titan help ${name}: usage, flags and examples that it takes itself`, async () => {
    const { default: command } = await load();
    const text = commandHelp(name, command, false);
    assert.match(text, new RegExp(`^titan ${name}: .+\n\nusage  titan ${name}`));
    for (const [flag, { hidden, help }] of Object.entries(command.flags)) {
      assert.equal(text.includes(`--${flag}`) && text.includes(help), !hidden, flag);
    }
    assert.ok(command.examples.length > 0);
    for (const [line] of command.examples) {
      assert.ok(text.includes(line));
      const words = /^(?:\w+=\S+ )*titan (.+)$/.exec(line.split(/ \||>/)[0]!.trim())?.[1]?.split(" ");
      if (words === undefined) continue;
      assert.equal(words.slice(0, name.split(" ").length).join(" "), name);
      assert.doesNotThrow(() => parse(name, command, words.slice(name.split(" ").length)), line);
    }
  });
}
