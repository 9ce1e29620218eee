/** Finds the command, parses, runs it, and turns what goes wrong into words and an exit code. */
import { ERRORS, TitanError } from "@titan/protocol";
import type { Command, Invocation } from "./command.ts";
import type { Entry } from "./commands/index.ts";
import { COMMANDS } from "./commands/index.ts";
import { nearest } from "./nearest.ts";
import { renderError } from "./output/error.ts";
import { openTerminal } from "./output/terminal.ts";
import { parse } from "./parse.ts";

export async function runTitan(args: readonly string[]): Promise<number> {
  const terminal = openTerminal(process);
  let found: ReturnType<typeof find> | undefined;
  try {
    found = find(args);
    const { default: command }: { default: Command } = await found.entry.load();
    const { flags, words } = parse(found.entry.name, command, found.rest);
    if (flags.help === true) {
      const { commandHelp } = await import("./help.ts");
      terminal.out(commandHelp(found.entry.name, command, terminal.color));
      return 0;
    }
    return await command.run({ flags, words, terminal } as Invocation);
  } catch (error) {
    return fail(withHint(error, found?.entry.name), args, terminal);
  }
}

/** Which command it was is known here: its help says more than the list of all. */
function withHint(error: unknown, name: string | undefined): unknown {
  if (!(error instanceof TitanError) || error.code !== "usage" || name === undefined) return error;
  if (error.hint !== ERRORS.usage.hint) return error;
  const field = error.field === undefined ? {} : { field: error.field };
  return new TitanError("usage", error.message, {
    ...field,
    cause: error.cause,
    hint: `See titan help ${name}.`,
  });
}

function find(args: readonly string[]): { entry: Entry; rest: readonly string[] } {
  const [first = "help", second] = args;
  if (first === "--version" || first === "-V") return { entry: entryOf("version"), rest: args.slice(1) };
  if (first === "--help" || first === "-h") return { entry: entryOf("help"), rest: args.slice(1) };
  const two = COMMANDS.find(({ name }) => name === `${first} ${second}`);
  if (two !== undefined) return { entry: two, rest: args.slice(2) };
  const one = COMMANDS.find(({ name }) => name === first);
  if (one !== undefined) return { entry: one, rest: args.slice(1) };
  const family = COMMANDS.find(({ name }) => name.startsWith(`${first} `));
  if (family !== undefined) return familyOf(family, args);
  throw unknownCommand(first);
}

/** `titan node` alone lists the nodes. */
function familyOf(entry: Entry, args: readonly string[]): { entry: Entry; rest: readonly string[] } {
  const [first, second] = args;
  if (second === undefined || second.startsWith("-")) return { entry, rest: args.slice(1) };
  throw new TitanError(
    "usage",
    `there is no command titan ${first} ${second}; did you mean titan ${entry.name}?`,
  );
}

function entryOf(name: string): Entry {
  return COMMANDS.find((entry) => entry.name === name)!;
}

function unknownCommand(word: string): TitanError {
  const close = nearest(
    word,
    COMMANDS.map(({ name }) => name.split(" ")[0] ?? name),
  );
  const meant = COMMANDS.find(({ name }) => name === close || name.startsWith(`${close} `));
  const guess = meant === undefined ? "" : `; did you mean titan ${meant.name}?`;
  return new TitanError("usage", `there is no command titan ${word}${guess}`);
}

function fail(error: unknown, args: readonly string[], terminal: ReturnType<typeof openTerminal>): number {
  const known =
    error instanceof TitanError
      ? error
      : new TitanError("internal", error instanceof Error ? error.message : String(error), {
          hint: "This is a fault in Titan; TITAN_DEBUG=1 shows where.",
          cause: error,
        });
  terminal.err(renderError(known, { json: wantsJson(args), color: terminal.errColor }));
  if (process.env.TITAN_DEBUG) terminal.err(`${error instanceof Error ? error.stack : error}\n`);
  // `titan run` hands through the job's own codes: 125 says that it was Titan that failed.
  return args[0] === "run" ? 125 : ERRORS[known.code].exit;
}

function wantsJson(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return (end < 0 ? args : args.slice(0, end)).includes("--json");
}
