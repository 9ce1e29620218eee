import type { Logger } from "pino";

/**
 * Keeps an error that nobody caught from ending the process: jobs of all users hang on it, and what was acknowledged is
 * on disk whatever memory believes. Logged loudly; returns the way back.
 */
export function guardProcess(log: Pick<Logger, "error">): () => void {
  const onException = (error: unknown): void => log.error({ err: error }, "an error that nobody caught");
  process.on("uncaughtException", onException);
  process.on("unhandledRejection", onException);
  return () => {
    process.off("uncaughtException", onException);
    process.off("unhandledRejection", onException);
  };
}
