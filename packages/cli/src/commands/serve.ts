import { rmSync } from "node:fs";
import { hostname } from "node:os";
import { DEFAULT_PORT, TitanError } from "@titan/protocol";
import { logLevel } from "../cluster/agent-log.ts";
import { catchSignals } from "../cluster/signals.ts";
import { masterState, portFrom } from "../cluster/state.ts";
import { command } from "../command.ts";

export default command({
  usage: ["titan serve [--listen HOST:PORT] [--insecure] [--state DIR] [--store URL]"],
  about: "Runs a master. It listens on this machine only, unless told otherwise, and runs no jobs itself.",
  examples: [
    ["titan serve", `on 127.0.0.1:${DEFAULT_PORT}`],
    ["titan serve --listen 0.0.0.0:9090 --insecure", "for other machines, in plain text"],
    ["titan serve --store postgres://db.example/titan", "jobs in a database, logs and files here"],
  ],
  flags: {
    listen: {
      type: "string",
      value: "HOST:PORT",
      help: `TITAN_HOST and TITAN_PORT, else 127.0.0.1:${DEFAULT_PORT}; port 0 takes any`,
    },
    insecure: { type: "boolean", help: "allows plain text beyond this machine" },
    state: {
      type: "string",
      value: "DIR",
      help: "the master's folder; else one under the user's state folder",
    },
    store: {
      type: "string",
      value: "URL",
      help: "postgres://…, to keep jobs there; TITAN_STORE, else a file in the master's folder",
    },
    "log-level": { type: "string", value: "LEVEL", help: "debug, info, warn or error; warn where absent" },
  },
  takes: { min: 0, max: 0 },
  async run({ flags, terminal }) {
    const signals = catchSignals();
    const { host, port } = listenOn(flags.listen);
    const state = masterState(port, flags.state);
    try {
      const { startMaster } = await import("@titan/master");
      const master = await startMaster({
        host,
        port,
        stateDir: state.dir,
        stateHome: state.home,
        storeUrl: flags.store ?? (process.env.TITAN_STORE || undefined),
        insecure: flags.insecure,
        logLevel: logLevel(flags["log-level"], "warn"),
      });
      if (flags.json) terminal.json({ ready: true, url: master.url, pid: process.pid, state: state.dir });
      else
        terminal.out(
          `titan master ready at ${master.url}\n  state  ${state.dir}\n  nodes  ${howToJoin(host, master.url)}\n`,
        );
      const failure = await Promise.race([signals.first.then(() => null), master.failed]);
      await Promise.race([master.close(), signals.second]);
      if (failure !== null) throw failure;
    } finally {
      if (state.throwaway) rmSync(state.dir, { recursive: true, force: true });
    }
    return 0;
  },
});

/** On this machine the token is found by itself; elsewhere it has to be brought, and this machine has another name. */
function howToJoin(host: string, url: string): string {
  if (host === "127.0.0.1" || host === "localhost" || host === "::1") return `titan join ${url}`;
  const address = host === "0.0.0.0" || host === "::" ? `http://${hostname()}:${new URL(url).port}` : url;
  return `TITAN_TOKEN=… titan join ${address}   (\`titan token\` on this machine prints it)`;
}

/** `HOST:PORT`, `HOST`, `:PORT` or `PORT`; IPv6 in brackets. Throws `usage`. */
export function listenOn(text: string | undefined): { host: string; port: number } {
  if (text === undefined) return { host: process.env.TITAN_HOST || "127.0.0.1", port: portFrom(undefined) };
  if (/^[0-9]+$/.test(text)) return { host: "127.0.0.1", port: portFrom(text) };
  const parts = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/\s]*))(?::([0-9]+))?$/.exec(text);
  if (parts === null || text === "") {
    throw new TitanError("usage", `--listen ${JSON.stringify(text)} is not HOST:PORT`, {
      hint: "Such as 127.0.0.1:9090, or [::1]:9090.",
    });
  }
  return { host: parts[1] ?? (parts[2] || "127.0.0.1"), port: portFrom(parts[3]) };
}
