/** The parts of a master over one state folder, put together: everything but the listening. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { TitanError } from "@titan/protocol";
import type { Logger } from "pino";
import type { ApiContext } from "./api/context.ts";
import { JobWatch } from "./api/job-watch.ts";
import { OpenRequests } from "./api/open-requests.ts";
import { BlobStore } from "./blobs/blob-store.ts";
import { type Clock, systemClock } from "./engine/clock.ts";
import { Engine } from "./engine/engine.ts";
import { ENGINE_SETTINGS, type EngineSettings } from "./engine/settings.ts";
import { CountedLogs } from "./metrics/counted-logs.ts";
import { Metrics } from "./metrics/metrics.ts";
import { OWNER_GRACE_MS, Owners } from "./owners/owners.ts";
import { openStore } from "./startup/open-store.ts";
import { Idempotency } from "./submit/idempotency.ts";

export interface MasterSettings extends EngineSettings {
  /** Of owners whose submission names none. */
  readonly ownerGraceMs: number;
}

export const MASTER_SETTINGS: MasterSettings = { ...ENGINE_SETTINGS, ownerGraceMs: OWNER_GRACE_MS };

export interface PartsOptions {
  readonly stateDir: string;
  /** Of a PostgreSQL store; a SQLite file in the state folder where absent. */
  readonly storeUrl?: string | undefined;
  /** The store can no longer be written: another master has it. */
  readonly onDeposed?: (error: TitanError) => void;
  readonly token: string;
  readonly settings: MasterSettings;
  readonly log: Logger;
  readonly clock?: Clock;
  url(): string;
}

export interface Parts extends ApiContext {
  /** Everything that was acknowledged is on disk when this resolves. */
  close(): Promise<void>;
}

/** Opens what lies in the state folder. Throws as `openStore` does. */
export async function openParts({
  stateDir,
  storeUrl,
  onDeposed = () => undefined,
  token,
  settings,
  log,
  url,
  clock = systemClock,
}: PartsOptions): Promise<Parts> {
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const store = await openStore(stateDir, storeUrl, onDeposed);
  const engine = await Engine.open({ store, clock, settings, log }).catch(async (error: unknown) => {
    await store.close();
    throw error;
  });
  const logs = new CountedLogs(join(stateDir, "logs"));
  const owners = new Owners(engine, log, settings.ownerGraceMs);
  const metrics = new Metrics(engine, store, () => logs.bytes);
  const watch = new JobWatch(engine);
  return {
    engine,
    store,
    logs,
    blobs: new BlobStore(join(stateDir, "blobs")),
    owners,
    metrics,
    idempotency: new Idempotency(store, () => clock.now()),
    watch,
    open: new OpenRequests(),
    clock,
    log,
    token,
    startedAt: clock.now(),
    url,
    async close() {
      owners.close();
      metrics.close();
      watch.close();
      await engine.close();
      await logs.close();
      await store.close();
    },
  };
}
