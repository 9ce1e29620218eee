/** One job on this terminal, from its submission to its end: what `titan run` does after submitting. */
import type { JobDetail } from "@titan/protocol";
import type { JobHandle, TitanClient } from "@titan/sdk";
import type { Signals } from "../cluster/signals.ts";
import { SIGNAL_NUMBERS } from "../cluster/signals.ts";
import { bytes, duration } from "../output/amounts.ts";
import { renderError } from "../output/error.ts";
import { place } from "../output/job-words.ts";
import { LogPrinter } from "../output/log-printer.ts";
import { visible } from "../output/safe.ts";
import { stateWord } from "../output/style.ts";
import type { Terminal } from "../output/terminal.ts";
import { failure, runExitCode } from "./outcome.ts";
import { watchPlacement } from "./placement.ts";

interface Watch {
  readonly client: TitanClient;
  readonly job: JobHandle;
  readonly terminal: Terminal;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly signals: Signals;
}

/** Resolves with the exit code. A first signal cancels the job and waits for its end, a second one does not wait. */
export async function watchJob(watch: Watch): Promise<number> {
  const stop = new AbortController();
  const cancelled = watch.signals.first.then(async (signal) => {
    message(watch, `cancelling ${visible(watch.job.name)} (${watch.job.id})`);
    await watch.job.cancel();
    return signal;
  });
  cancelled.catch(() => undefined);
  const placement = watchPlacement(watch.client, watch.job.id, placementWords(watch), stop.signal);
  placement.catch(() => undefined);
  const left = watch.signals.second.then(() => null);
  try {
    const job = await Promise.race([printToEnd(watch), left]);
    const signal = await Promise.race([watch.signals.first, Promise.resolve(null)]);
    if (job !== null) sayEnd(watch, job, signal !== null);
    if (signal !== null) return 128 + (SIGNAL_NUMBERS[signal] ?? 2);
    return job === null ? 130 : runExitCode(job);
  } finally {
    stop.abort();
  }
}

async function printToEnd({ client, job, terminal, json }: Watch): Promise<JobDetail> {
  let node = "";
  let attempt = 0;
  const printer = new LogPrinter(terminal, () => node);
  for await (const record of client.logRecords(job.id, { follow: true })) {
    if (record.end === true) break;
    if (json) {
      await terminal.write("stdout", `${JSON.stringify({ event: "log", ...record })}\n`);
      continue;
    }
    // Where it runs is asked once an attempt, and only where a person sees it.
    if (record.attempt !== attempt && (terminal.outIsTty || terminal.errIsTty)) {
      node = visible((await client.job(job.id)).node ?? "");
    }
    attempt = record.attempt;
    await printer.print(record);
  }
  await printer.end();
  return await client.wait(job.id);
}

function placementWords(watch: Watch) {
  const { errStyle: style } = watch.terminal;
  return {
    waiting: (job: JobDetail) => {
      if (watch.json) watch.terminal.json({ event: "waiting", id: job.id, reason: job.reason });
      else message(watch, `${style.yellow("waiting")}: ${visible(job.reason)}`);
    },
    placed: (job: JobDetail, waited: boolean) => {
      if (watch.json) {
        const { id, node, devices, attempt } = job;
        watch.terminal.json({ event: "placed", id, node, devices, attempt });
      } else if (waited) {
        message(watch, `${style.sign("go")} placed on ${place(job)} after ${duration(job.waited_ms)}`);
      }
    },
  };
}

function sayEnd(watch: Watch, job: JobDetail, interrupted: boolean): void {
  const { terminal, json } = watch;
  if (json) {
    terminal.json({ event: "ended", job });
    return;
  }
  // Whoever asked for the end needs no explanation of it.
  const error = interrupted && job.state === "cancelled" ? null : failure(job);
  if (error !== null) {
    terminal.err(renderError(error, { json: false, color: terminal.errColor }));
    return;
  }
  // Into a pipe only the job speaks.
  if (!terminal.errIsTty || watch.quiet) return;
  const peak = Math.max(0, ...job.attempts.map(({ max_rss }) => max_rss));
  const code = job.exit_code === 0 ? "" : `, exit ${job.exit_code}`;
  const memory = peak > 0 ? ` ${terminal.errStyle.sign("dot")} ${bytes(peak)} at most` : "";
  const ran = job.ran_ms === null ? "" : ` in ${duration(job.ran_ms)}`;
  terminal.err(`${stateWord(terminal.errStyle, job.state)}${ran}${code} on ${place(job)}${memory}\n`);
}

function message({ terminal, quiet, json }: Watch, text: string): void {
  if (!quiet && !json) terminal.err(`titan: ${text}\n`);
}
