/** The agent as the whole of a process: signals end it in order, errors become exit codes. */
import { ERRORS, TitanError } from "@titan/protocol";
import { type Agent, type AgentOptions, startAgent } from "./agent.ts";

/**
 * Runs the agent until a signal or the master ends it, and answers the exit code for the process: 0 after SIGTERM
 * or SIGINT (a second signal kills the jobs at once), else the code of the error, which is printed to stderr.
 * `started` is called once the master has taken the node.
 */
export async function runAgent(
  options: AgentOptions,
  started: (agent: Agent) => void = () => {},
): Promise<number> {
  let agent: Agent | null = null;
  let signals = 0;
  const onSignal = (): void => {
    signals += 1;
    if (agent === null) process.exit(0);
    void agent.close({ now: signals > 1 });
  };
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, onSignal);
  try {
    agent = await startAgent(options);
    const running = agent;
    running.ready.then(
      () => started(running),
      () => {},
    );
    await running.closed;
    return 0;
  } catch (error) {
    if (!(error instanceof TitanError)) throw error;
    process.stderr.write(`error: ${error.message}\n  hint  ${error.hint}\n`);
    return ERRORS[error.code].exit;
  } finally {
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.off(signal, onSignal);
  }
}
