/** From words to an invocation, by `node:util.parseArgs`; what is wrong is said with the nearest right word. */
import { parseArgs } from "node:util";
import { TitanError } from "@titan/protocol";
import type { Command, Flags } from "./command.ts";
import { GLOBAL_FLAGS } from "./command.ts";
import { nearest } from "./nearest.ts";

export interface Parsed {
  readonly flags: Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
  readonly words: readonly string[];
}

type Options = NonNullable<NonNullable<Parameters<typeof parseArgs>[0]>["options"]>;

/** Throws `usage`. */
export function parse(
  name: string,
  command: Pick<Command, "usage" | "flags" | "takes">,
  args: readonly string[],
): Parsed {
  const flags: Flags = { ...GLOBAL_FLAGS, ...command.flags };
  const options = toOptions(flags);
  const { own, rest } = command.takes === "rest" ? splitRest(args, options) : { own: args, rest: null };
  const { tokens } = parseArgs({ args: [...own], options, strict: false, tokens: true });
  const values: Record<string, string | boolean | string[] | undefined> = emptyValues(flags);
  // Help is given whatever else may be wrong.
  if (tokens.some((token) => token.kind === "option" && (token.name === "help" || token.name === "h"))) {
    return { flags: { ...values, help: true }, words: [] };
  }
  const words: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") words.push(token.value);
    if (token.kind === "option") store(name, flags, values, token);
  }
  if (rest !== null) words.push(...rest);
  checkCount(name, command, words);
  return { flags: values, words };
}

function toOptions(flags: Flags): Options {
  return Object.fromEntries(
    Object.entries(flags).map(([name, { type, short }]) => [
      name,
      short === undefined ? { type } : { type, short },
    ]),
  );
}

function emptyValues(flags: Flags): Record<string, boolean | string[] | undefined> {
  return Object.fromEntries(
    Object.entries(flags).map(([name, flag]) => [
      name,
      flag.type === "boolean" ? false : flag.multiple ? [] : undefined,
    ]),
  );
}

/** The program's own words start at the first that is no flag of ours, or behind `--`. */
function splitRest(
  args: readonly string[],
  options: Options,
): { own: readonly string[]; rest: readonly string[] } {
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true });
  const first = tokens.find((token) => token.kind === "positional" || token.kind === "option-terminator");
  if (first === undefined) return { own: args, rest: [] };
  const skip = first.kind === "option-terminator" ? 1 : 0;
  return { own: args.slice(0, first.index), rest: args.slice(first.index + skip) };
}

interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value: string | undefined;
  readonly inlineValue: boolean | undefined;
}

function store(
  command: string,
  flags: Flags,
  values: Record<string, string | boolean | string[] | undefined>,
  { name, rawName, value, inlineValue }: OptionToken,
): void {
  const flag = Object.hasOwn(flags, name) ? flags[name] : undefined;
  if (flag === undefined) throw unknownFlag(command, rawName, flags);
  if (flag.type === "boolean") {
    if (value !== undefined) throw usage(command, `${rawName} takes no value`);
    values[name] = true;
    return;
  }
  // A value that looks like a flag is more likely a forgotten one, unless it is written `--flag=-value` or a number.
  if (value === undefined || (!inlineValue && /^-[^0-9]/.test(value))) {
    throw usage(command, `${rawName} needs a value: ${rawName} ${flag.value ?? "VALUE"}`);
  }
  if (flag.multiple) (values[name] as string[]).push(value);
  else values[name] = value;
}

function unknownFlag(command: string, rawName: string, flags: Flags): TitanError {
  const known = Object.entries(flags).filter(([, flag]) => !flag.hidden);
  const close = nearest(
    rawName.replace(/^-+/, ""),
    known.map(([name]) => name),
  );
  const guess = close === null ? "" : `; did you mean --${close}?`;
  const own = command === "submit" ? " A script's own flags go behind `--`." : "";
  return new TitanError("usage", `titan ${command} has no flag ${rawName}${guess}`, {
    hint: `titan help ${command} lists them.${own}`,
  });
}

function checkCount(
  command: string,
  { takes, usage: lines }: Pick<Command, "usage" | "takes">,
  words: readonly string[],
): void {
  if (takes === "rest") {
    if (words.length === 0) throw usage(command, `there is nothing to run: ${lines[0]}`);
    return;
  }
  if (words.length < takes.min) throw usage(command, `titan ${command} needs more: ${lines.join(", or ")}`);
  if (words.length > takes.max) {
    throw usage(command, `titan ${command} does not take ${JSON.stringify(words[takes.max])}`);
  }
}

function usage(command: string, message: string): TitanError {
  return new TitanError("usage", message, { hint: `See titan help ${command}.` });
}
