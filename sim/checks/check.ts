/** What a check may look at. It is told after the ledger has changed; what it finds wrong it says with `wrong`. */
import type { Batch } from "@titan/store";
import type { Process } from "../launcher.ts";
import type { Ledger } from "../ledger.ts";
import type { LogDisk } from "../memory-logs.ts";

export interface Check {
  /** Before the ledger takes the batch. */
  storing?(batch: Batch, ledger: Ledger, now: number): void;
  began?(process: Process, ledger: Ledger): void;
  ended?(process: Process, ledger: Ledger, now: number): void;
  /** Everything is over: `unfinished` where time ran out before. */
  final?(ledger: Ledger, logs: LogDisk): void;
}

export type Wrong = (what: string) => void;
