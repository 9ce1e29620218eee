/** What a command is: its words for the help, its flags, and what it does. */
import type { Terminal } from "./output/terminal.ts";

export interface Flag {
  readonly type: "string" | "boolean";
  /** What stands for the value in the help, such as `N` or `K=V`. */
  readonly value?: string;
  readonly short?: string;
  readonly multiple?: boolean;
  readonly help: string;
  /** Between parts of Titan, not for people: left out of the help. */
  readonly hidden?: boolean;
}

export type Flags = Readonly<Record<string, Flag>>;

type ValueOf<F extends Flag> = F["type"] extends "boolean"
  ? boolean
  : F extends { multiple: true }
    ? readonly string[]
    : string | undefined;
export type Values<F extends Flags> = { readonly [K in keyof F]: ValueOf<F[K]> };

/** How many words may follow the flags; `rest` takes everything from the first word on as it is. */
export type Takes = { readonly min: number; readonly max: number } | "rest";

export interface Invocation<F extends Flags = Flags> {
  readonly flags: Values<F> & Values<typeof GLOBAL_FLAGS>;
  readonly words: readonly string[];
  readonly terminal: Terminal;
}

export interface Command<F extends Flags = Flags> {
  /** Lines such as `titan logs [-f] JOB`. */
  readonly usage: readonly string[];
  /** Said below the usage; may be empty. */
  readonly about: string;
  readonly examples: readonly (readonly [command: string, what: string])[];
  readonly flags: F;
  readonly takes: Takes;
  /** Answers the exit code; throws TitanError. */
  run(invocation: Invocation<F>): Promise<number>;
}

export const GLOBAL_FLAGS = {
  json: { type: "boolean", help: "print JSON" },
  url: {
    type: "string",
    value: "URL",
    help: "the master; else TITAN_URL, TITAN_HOST/TITAN_PORT, this machine",
  },
  help: { type: "boolean", short: "h", help: "what this command does" },
} as const satisfies Flags;

/** Keeps the flags' types for `run`. */
export function command<const F extends Flags>(definition: Command<F>): Command {
  return definition as unknown as Command;
}
