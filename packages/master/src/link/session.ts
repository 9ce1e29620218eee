/** One connection of one node, from its hello to its end. */
import type { Effect, Report } from "@titan/core";
import { TitanError } from "@titan/protocol";
import { decodeFrame, type FromNode, LINK_VERSIONS, type Wanted } from "@titan/protocol/link";
import type { Timer } from "../engine/clock.ts";
import { isHello, isLog, isReport } from "./checks.ts";
import type { LinkContext } from "./context.ts";
import { Outbox } from "./outbox.ts";
import type { LinkSocket } from "./socket.ts";

const HELLO_TIMEOUT_MS = 10_000;
/** Private close codes of WebSocket begin at 4000. */
const REFUSED = 4000;

export type Hello = Extract<FromNode, { t: "hello" }>;
type Phase = "new" | "joining" | "joined" | "ended";

export class Session {
  nodeId = "";
  name = "";
  /** Of the agent that said hello, where it says so. */
  instance: string | null = null;
  readonly #socket: LinkSocket;
  readonly #context: LinkContext;
  readonly #outbox: Outbox;
  #phase: Phase = "new";
  #frames = 0;
  #timer: Timer;
  /** What came, and what is to go out, between hello and welcome. */
  #early: FromNode[] = [];
  #held: Effect[] = [];
  /** Attempts whose payload is being read, and the stop that has to follow their start, if one came. */
  readonly #starting = new Map<string, Effect | null>();

  constructor(socket: LinkSocket, context: LinkContext) {
    this.#socket = socket;
    this.#context = context;
    this.#outbox = new Outbox(socket);
    const { clock } = context.engine;
    this.#timer = clock.after(HELLO_TIMEOUT_MS, () => this.end("said no hello in time"));
  }

  /** Cuts the connection. `silent` tells the engine that the node is no longer heard of. */
  end(why: string, silent = true): void {
    this.#leave(why, silent);
    this.#socket.terminate();
  }

  #leave(why: string, silent: boolean): void {
    if (this.#phase === "ended") return;
    const joined = this.#phase === "joined";
    this.#phase = "ended";
    this.#timer.cancel();
    if (this.nodeId !== "") this.#context.leave(this);
    if (!joined) return;
    this.#context.log.info({ node: this.name, why }, "node is gone");
    if (silent) this.#context.engine.offer({ type: "node-silent", nodeId: this.nodeId });
  }

  /** Sends what an effect says, in the order of the effects of each attempt. */
  deliver(effect: Effect): void {
    if (this.#phase === "joining") this.#held.push(effect);
    if (this.#phase !== "joined") return;
    if (effect.type === "start") {
      this.#start(effect);
      return;
    }
    const { jobId, number } = effect;
    const key = `${jobId}.${number}`;
    if (effect.type === "forget") this.#outbox.send({ t: "forget", jobId, number });
    else if (this.#starting.has(key)) this.#starting.set(key, effect);
    else this.#outbox.send({ t: "stop", jobId, number, cause: effect.cause, graceMs: effect.graceMs });
  }

  #start(effect: Extract<Effect, { type: "start" }>): void {
    const key = `${effect.job.id}.${effect.job.attempt}`;
    const ready = this.#context.orders.make(effect, (late) => {
      const stop = this.#starting.get(key);
      this.#starting.delete(key);
      if (late === null) this.#context.lacksPayload(effect);
      else this.#outbox.send({ t: "start", ...late.order }, late.bytes);
      if (stop) this.deliver(stop);
    });
    if (ready === null) this.#starting.set(key, null);
    else this.#outbox.send({ t: "start", ...ready.order }, ready.bytes);
  }

  /** A frame came. */
  frame(data: Uint8Array): void {
    if (this.#phase === "ended") return;
    this.#frames += 1;
    if (this.#phase !== "new") this.#timer.refresh();
    try {
      for (const message of decodeFrame<FromNode>(data)) this.#take(message);
    } catch (error) {
      this.#context.log.warn({ node: this.name, err: error }, "a node's frame was refused");
      this.#refuse(
        error instanceof TitanError ? error : new TitanError("bad-request", (error as Error).message),
      );
    }
  }

  #take(message: FromNode): void {
    if (this.#phase === "ended") return;
    if (message.t === "beat") this.#outbox.send({ t: "beat" });
    else if (this.#phase === "new") this.#hello(message);
    else if (this.#phase === "joining") this.#early.push(message);
    else if (message.t === "report" && isReport(message.report)) this.#report(message.report);
    else if (message.t === "log" && isLog(message)) this.#log(message);
    else throw new TitanError("bad-request", `the message ${message.t} is not as the link has it`);
  }

  #hello(message: FromNode): void {
    if (message.t === "hello") checkVersion(message);
    if (message.t !== "hello" || !isHello(message)) {
      throw new TitanError("bad-request", "the first message must be a whole hello");
    }
    this.#context.join(this, message);
    this.instance = message.instance ?? null;
    this.nodeId = message.id;
    this.name = message.name;
    this.#phase = "joining";
    this.#expectBeats();
    this.#join(message).catch((error: unknown) => {
      this.#context.log.warn({ node: this.name, err: error }, "node could not join");
      this.end("could not join");
    });
  }

  async #join({ id, name, capacity, labels, about, bootId, attempts }: Hello): Promise<void> {
    const { engine, logs } = this.#context;
    const node = { id, name, capacity, labels, about, bootId };
    await engine.execute({ type: "node-joined", node, attempts });
    if (this.#phase === "ended") {
      // Unless it is back by another connection, which has said hello since.
      if (!this.#context.isThere(id)) engine.offer({ type: "node-silent", nodeId: id });
      return;
    }
    const wanted: Wanted[] = [];
    for (const jobId of [...(engine.state.use.get(id)?.attempts ?? [])]) {
      const number = engine.state.attempts.get(jobId)?.number;
      if (number !== undefined) wanted.push({ jobId, number, logged: await logs.held({ jobId, number }) });
    }
    if (this.#ended()) {
      if (!this.#context.isThere(id)) engine.offer({ type: "node-silent", nodeId: id });
      return;
    }
    this.#phase = "joined";
    this.#outbox.send({ t: "welcome", leaseMs: engine.settings.leaseMs, attempts: wanted });
    this.#context.log.info({ node: name, attempts: wanted.length }, "node is here");
    for (const effect of this.#held.splice(0)) this.deliver(effect);
    for (const { jobId, number } of wanted)
      this.#context.intake.exited(jobId, number).catch(this.#intakeFailed);
    for (const message of this.#early.splice(0)) this.#take(message);
  }

  /** A call, since awaiting may have ended the session and the compiler keeps what it knew before. */
  #ended(): boolean {
    return this.#phase === "ended";
  }

  #report(report: Report): void {
    const { engine, intake } = this.#context;
    const { jobId, number } = report;
    const rejected = engine.offer({ type: "report", nodeId: this.nodeId, report });
    if (rejected !== null) this.#outbox.send({ t: "forget", jobId, number });
    else if (report.state === "exited" && engine.state.attempts.get(jobId)?.number === number) {
      intake.exited(jobId, number).catch(this.#intakeFailed);
    }
  }

  #log(message: Extract<FromNode, { t: "log" }>): void {
    const { jobId, number } = message;
    const attempt = this.#context.engine.state.attempts.get(jobId);
    if (attempt?.number !== number || attempt.nodeId !== this.nodeId) {
      this.#outbox.send({ t: "forget", jobId, number });
      return;
    }
    this.#context.intake.take(message, (reply) => this.#outbox.send(reply), this.#intakeFailed);
  }

  /** The node sends what is not acknowledged again when it is back. */
  readonly #intakeFailed = (error: unknown): void => {
    this.#context.log.error({ node: this.name, err: error }, "cannot write a log");
    this.end("its log could not be written");
  };

  #expectBeats(): void {
    const { clock, settings } = this.#context.engine;
    this.#timer.cancel();
    this.#timer = clock.after(settings.leaseMs, () => {
      // After a pause of the whole process the timer runs before what lies in the socket is read: look again behind that.
      const seen = this.#frames;
      clock.soon(() => {
        if (this.#frames === seen) this.end("sent no heartbeat within the lease");
        else this.#timer.refresh();
      });
    });
  }

  /** Says why, and closes: `end` would cut off the words. */
  #refuse({ code, message, hint }: TitanError): void {
    this.#outbox.send({ t: "refuse", code, message, hint });
    this.#outbox.flush();
    this.#socket.close(REFUSED, code);
    this.#leave(message, true);
  }
}

function checkVersion(hello: Hello): void {
  const { oldest, newest } = LINK_VERSIONS;
  if (hello.oldest <= newest && hello.newest >= oldest) return;
  const theirs = `node ${hello.name} (titan ${hello.version}) speaks link ${hello.oldest} to ${hello.newest}`;
  throw new TitanError("version-mismatch", `${theirs}, this master ${oldest} to ${newest}`);
}
