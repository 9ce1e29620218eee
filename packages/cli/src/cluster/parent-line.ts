/** What passes between `titan dev` and the `titan join` processes it starts. */
import { createInterface } from "node:readline";

/** The first line on the child's stdin. The token takes this way because environments can be read in too many places. */
export interface Parent {
  readonly url: string;
  readonly token: string;
}

/** The first line on the child's stdout, and what `titan join --json` prints. */
export interface NodeReady {
  readonly ready: true;
  readonly node: string;
  readonly url: string;
  readonly pid: number;
  readonly cpus: number;
  readonly memory: number;
  readonly gpus: readonly { readonly model: string; readonly memory: number }[];
}

/** Waits for the address. `gone` resolves when the parent has died: the pipe closes however it ended. */
export function listenToParent(input: NodeJS.ReadableStream): {
  readonly parent: Promise<Parent | null>;
  readonly gone: Promise<void>;
} {
  const lines = createInterface({ input });
  const gone = new Promise<void>((resolve) => lines.once("close", resolve));
  const first = new Promise<Parent>((resolve) => {
    lines.once("line", (line) => resolve(JSON.parse(line) as Parent));
  });
  return { parent: Promise.race([first, gone.then(() => null)]), gone };
}
