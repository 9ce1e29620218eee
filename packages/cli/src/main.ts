/** The `titan` command as a process: arguments in, exit code out. `titan.mjs` starts it faster. */
import "./compile-cache.mjs";

// Loaded after the cache is on, which a static import would not be.
const { runTitan } = await import("./run-titan.ts");

// A reader that goes away (`titan logs x | head`) ends the command without a word; one that looks after something
// (a job, a master, a node) goes on and decides itself.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    if (process.listenerCount("SIGTERM") === 0) process.exit(0);
  });
}

process.exitCode = await runTitan(process.argv.slice(2));
// Open keep-alive connections must not hold the process; what was written is out before the exit.
await Promise.all([process.stdout, process.stderr].map(flushed));
process.exit();

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.errored !== null) resolve();
    else stream.write("", () => resolve());
  });
}
