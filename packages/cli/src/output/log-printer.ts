/** A job's log on this terminal: exact bytes into pipes; whole, harmless lines where a person looks. */
import type { LogRecord } from "@titan/protocol";
import { terminalText } from "./safe.ts";
import type { Terminal } from "./terminal.ts";

type StreamName = "stdout" | "stderr" | "titan";
type Decoder = InstanceType<typeof TextDecoder>;

/** A line that does not end is shown in pieces of this size, characters. */
const LINE_MAX = 64 * 1024;

export class LogPrinter {
  readonly #terminal: Terminal;
  readonly #node: () => string;
  readonly #open = new Map<StreamName, { decoder: Decoder; line: string }>();

  /** `node` is put in front of each line that a person sees; empty for none. */
  constructor(terminal: Terminal, node: () => string) {
    this.#terminal = terminal;
    this.#node = node;
  }

  async print(record: Pick<LogRecord, "stream" | "data">): Promise<void> {
    if (record.data === undefined) return;
    const bytes = Buffer.from(record.data, "base64");
    const stream = record.stream ?? "stdout";
    const to = stream === "stdout" ? "stdout" : "stderr";
    const looked = to === "stdout" ? this.#terminal.outIsTty : this.#terminal.errIsTty;
    if (!looked) return await this.#terminal.write(to, bytes);
    await this.#lines(stream, to, bytes);
  }

  /** Shows lines that had no end. */
  async end(): Promise<void> {
    for (const [stream, { decoder, line }] of this.#open) {
      const rest = line + decoder.decode();
      if (rest !== "") await this.#show(stream, stream === "stdout" ? "stdout" : "stderr", rest);
    }
    this.#open.clear();
  }

  async #lines(stream: StreamName, to: "stdout" | "stderr", bytes: Uint8Array): Promise<void> {
    const open = this.#open.get(stream) ?? { decoder: new TextDecoder("utf-8"), line: "" };
    this.#open.set(stream, open);
    const lines = (open.line + open.decoder.decode(bytes, { stream: true })).split("\n");
    open.line = lines.pop() ?? "";
    for (const line of lines) await this.#show(stream, to, line);
    if (open.line.length > LINE_MAX) {
      await this.#show(stream, to, open.line);
      open.line = "";
    }
  }

  async #show(stream: StreamName, to: "stdout" | "stderr", line: string): Promise<void> {
    const { style, errStyle } = this.#terminal;
    // A progress bar draws over itself with carriage returns: what it showed last is what counts.
    const text = terminalText(line.replace(/\r+$/, "").split("\r").at(-1) ?? "");
    const node = this.#node();
    if (to === "stdout") {
      const head = node === "" ? "" : `${style.dim(`${node} ${style.sign("bar")}`)} `;
      return await this.#terminal.write("stdout", `${head}${text}${reset(text)}\n`);
    }
    const name = stream === "titan" ? "titan" : node;
    const bar = errStyle.yellow(errStyle.sign("heavyBar"));
    const head = name === "" ? "" : `${errStyle.dim(name)} ${bar} `;
    await this.#terminal.write("stderr", `${head}${text}${reset(text)}\n`);
  }
}

/** A colour that a line leaves on would paint the next one. */
function reset(text: string): string {
  return text.includes("\x1b[") ? "\x1b[0m" : "";
}
