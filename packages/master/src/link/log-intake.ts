/** Takes what nodes send of their attempts' logs, acknowledges what is written, and ends attempts whose log is whole. */
import type { Attempt, LogBytes } from "@titan/core";
import type { FromNode, LogStream, ToNode } from "@titan/protocol/link";
import type { Engine } from "../engine/engine.ts";
import type { LogKeeper } from "../logs/log-keeper.ts";

type LogMessage = Extract<FromNode, { t: "log" }>;

/** Streams of one attempt that wait for the same write. */
interface Waiting {
  readonly written: Promise<LogBytes>;
  readonly streams: Set<LogStream>;
}

export class LogIntake {
  readonly #engine: Engine;
  readonly #logs: LogKeeper;
  readonly #waiting = new Map<string, Waiting>();

  constructor(engine: Engine, logs: LogKeeper) {
    this.#engine = engine;
    this.#logs = logs;
  }

  /** `send` gets the acknowledgement, `failed` what keeps the bytes from being written. */
  take(message: LogMessage, send: (reply: ToNode) => void, failed: (error: unknown) => void): void {
    const { jobId, number, stream } = message;
    const written = this.#logs.append({ jobId, number }, message);
    const key = `${jobId}.${number}`;
    const waiting = this.#waiting.get(key);
    // Pieces that are written together are acknowledged together: once for each stream.
    if (waiting?.written === written) {
      waiting.streams.add(stream);
      return;
    }
    const mine: Waiting = { written, streams: new Set([stream]) };
    this.#waiting.set(key, mine);
    written.then(
      (held) => {
        if (this.#waiting.get(key) === mine) this.#waiting.delete(key);
        for (const stream of mine.streams) send({ t: "logged", jobId, number, stream, offset: held[stream] });
        this.#endIfWhole(this.#engine.state.attempts.get(jobId), number, held);
      },
      (error) => {
        if (this.#waiting.get(key) === mine) this.#waiting.delete(key);
        failed(error);
      },
    );
  }

  /** The attempt has exited: its log may be here already. */
  async exited(jobId: string, number: number): Promise<void> {
    const held = await this.#logs.held({ jobId, number });
    this.#endIfWhole(this.#engine.state.attempts.get(jobId), number, held);
  }

  #endIfWhole(attempt: Attempt | undefined, number: number, held: LogBytes): void {
    if (attempt === undefined || attempt.number !== number || attempt.state !== "exited") return;
    const all = attempt.logBytes;
    if (all === null) return;
    if (held.stdout < all.stdout || held.stderr < all.stderr || held.titan < all.titan) return;
    this.#engine.offer({ type: "log-whole", jobId: attempt.jobId, number });
  }
}
