import type { Effect } from "@titan/core";
import type { Logger } from "pino";
import type { Engine } from "../engine/engine.ts";
import type { LogKeeper } from "../logs/log-keeper.ts";
import type { LogIntake } from "./log-intake.ts";
import type { Hello, Session } from "./session.ts";
import type { StartOrders } from "./start-orders.ts";

/** What a session needs of the master. */
export interface LinkContext {
  readonly engine: Engine;
  readonly logs: LogKeeper;
  readonly intake: LogIntake;
  readonly orders: StartOrders;
  readonly log: Pick<Logger, "error" | "warn" | "info">;
  /**
   * Makes the session the one of this node, in place of one of the same agent process. Throws `state-in-use` while
   * another agent has the node or its name.
   */
  join(session: Session, hello: Hello): void;
  leave(session: Session): void;
  isThere(nodeId: string): boolean;
  /** The store has nothing for this job to run. */
  lacksPayload(start: Extract<Effect, { type: "start" }>): void;
}
