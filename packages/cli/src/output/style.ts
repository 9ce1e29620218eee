/** Colours and signs; with neither, plain text that says the same. */

export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly blue: (text: string) => string;
  readonly sign: (name: keyof typeof SIGNS) => string;
}

const SIGNS = {
  waiting: ["○", "o"],
  running: ["●", "*"],
  succeeded: ["✓", "+"],
  failed: ["✗", "x"],
  cancelled: ["◌", "-"],
  up: ["●", "*"],
  silent: ["○", "?"],
  cordoned: ["◌", "-"],
  go: ["▸", ">"],
  bar: ["│", "|"],
  heavyBar: ["┃", "!"],
  dot: ["·", ","],
  times: ["×", "x"],
} as const;

export function makeStyle(color: boolean, ascii: boolean): Style {
  const sgr = (code: number) => (text: string) =>
    color && text !== "" ? `\x1b[${code}m${text}\x1b[0m` : text;
  return {
    bold: sgr(1),
    dim: sgr(2),
    red: sgr(31),
    green: sgr(32),
    yellow: sgr(33),
    blue: sgr(34),
    sign: (name) => SIGNS[name][ascii ? 1 : 0],
  };
}

/** A state never speaks by colour alone: a sign, the word, and the colour. */
export function stateWord(
  style: Style,
  state: "waiting" | "running" | "succeeded" | "failed" | "cancelled",
): string {
  const text = `${style.sign(state)} ${state}`;
  if (state === "running") return style.blue(text);
  if (state === "succeeded") return style.green(text);
  if (state === "failed") return style.red(text);
  return style.dim(text);
}
