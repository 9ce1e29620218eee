/** The two streams and what they can show. stdout is data, stderr is messages. */

import type { Style } from "./style.ts";
import { makeStyle } from "./style.ts";

export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** One line of JSON on stdout. */
  readonly json: (value: unknown) => void;
  /** Exact bytes; resolves when the stream takes more. */
  readonly write: (to: "stdout" | "stderr", bytes: Uint8Array | string) => Promise<void>;
  readonly outIsTty: boolean;
  readonly errIsTty: boolean;
  readonly color: boolean;
  readonly errColor: boolean;
  readonly style: Style;
  readonly errStyle: Style;
}

type Streams = Pick<NodeJS.Process, "stdout" | "stderr" | "env">;

export function openTerminal({ stdout, stderr, env }: Streams): Terminal {
  const outIsTty = stdout.isTTY === true;
  const errIsTty = stderr.isTTY === true;
  const wanted = !env.NO_COLOR && env.TERM !== "dumb";
  const plain = Boolean(env.TITAN_ASCII) || !isUtf8(env);
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    json: (value) => void stdout.write(`${JSON.stringify(value)}\n`),
    write: (to, bytes) => writeAll(to === "stdout" ? stdout : stderr, bytes),
    outIsTty,
    errIsTty,
    color: outIsTty && wanted,
    errColor: errIsTty && wanted,
    style: makeStyle(outIsTty && wanted, plain),
    errStyle: makeStyle(errIsTty && wanted, plain),
  };
}

function writeAll(stream: NodeJS.WriteStream, bytes: Uint8Array | string): Promise<void> {
  // Nobody reads any more: there is nothing to wait for.
  if (stream.destroyed || stream.errored !== null || stream.write(bytes)) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      stream.off("drain", done).off("error", done).off("close", done);
      resolve();
    };
    stream.on("drain", done).on("error", done).on("close", done);
  });
}

function isUtf8(env: NodeJS.ProcessEnv): boolean {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG;
  // Containers often say nothing at all, and show UTF-8 all the same.
  return !locale || /utf-?8/i.test(locale);
}
