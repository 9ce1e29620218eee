import type { Store } from "@titan/store";
import type { Logger } from "pino";
import type { BlobStore } from "../blobs/blob-store.ts";
import type { Clock } from "../engine/clock.ts";
import type { Engine } from "../engine/engine.ts";
import type { LogStore } from "../logs/log-store.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Owners } from "../owners/owners.ts";
import type { Idempotency } from "../submit/idempotency.ts";
import type { JobWatch } from "./job-watch.ts";
import type { OpenRequests } from "./open-requests.ts";

/** What routes are made from. */
export interface ApiContext {
  readonly engine: Engine;
  readonly store: Store;
  readonly logs: LogStore;
  readonly blobs: BlobStore;
  readonly owners: Owners;
  readonly metrics: Metrics;
  readonly idempotency: Idempotency;
  readonly watch: JobWatch;
  readonly open: OpenRequests;
  readonly clock: Clock;
  readonly log: Logger;
  readonly token: string;
  readonly startedAt: number;
  /** Where clients reach this master; known once it listens. */
  url(): string;
}
