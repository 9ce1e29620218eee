/** Names, reasons and output come from anywhere: none of it may command the terminal. */

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this is about.
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** Text on one line, control and direction characters shown as `\xNN` or `\uNNNN`. */
export function visible(text: string): string {
  return text.replace(CONTROL, (char) => {
    if (char === "\n") return "\\n";
    if (char === "\t") return "\\t";
    const code = char.charCodeAt(0).toString(16);
    return code.length <= 2 ? `\\x${code.padStart(2, "0")}` : `\\u${code.padStart(4, "0")}`;
  });
}

// Whole escape sequences first (CSI, strings up to their end, two-byte ones), then what is left of control bytes.
const SEQUENCES =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: as above.
  /\u001b\[([0-?]*[ -/]*)([@-~])|\u001b[\]PX^_][^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)?|\u001b[ -/]*[0-~]?|[\u0000-\u0008\u000b-\u001a\u001c-\u001f\u007f-\u009f]/g;

/** Job output for a terminal: colours, tabs and newlines stay, everything else that moves or names things goes. */
export function terminalText(text: string): string {
  return text.replace(SEQUENCES, (whole, parameters: string | undefined, final: string | undefined) =>
    final === "m" && /^[0-9;:]*$/.test(parameters ?? "") ? whole : "",
  );
}
