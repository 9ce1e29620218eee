import type { Change, State } from "@titan/core";
import type { Logger } from "pino";
import type { LogKeeper } from "../logs/log-keeper.ts";

/** The log of an attempt whose node was lost says so as its last line, and how much there is of it. */
export function noteLost(
  changes: readonly Change[],
  state: State,
  logs: LogKeeper,
  log: Pick<Logger, "warn">,
): void {
  for (const change of changes) {
    if (change.table !== "attempts") continue;
    const { state: phase, exit, jobId, number, nodeId, endedAt } = change.row;
    if (phase !== "ended" || exit?.cause !== "node-lost") continue;
    const node = state.nodes.get(nodeId)?.name ?? nodeId;
    const ref = { jobId, number };
    const append = async () => {
      const { stdout, stderr, titan } = await logs.held(ref);
      const line = `[titan] lost after byte ${stdout + stderr + titan}: ${exit.message || `node ${node} was lost`}\n`;
      await logs.append(ref, { stream: "titan", offset: titan, at: endedAt ?? 0, data: Buffer.from(line) });
    };
    append().catch((error: unknown) =>
      log.warn({ err: error, job: jobId }, "cannot note a lost attempt in its log"),
    );
  }
}
