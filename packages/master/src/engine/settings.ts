import { DEFAULT_SETTINGS, FINISHED_MAX, type Settings } from "@titan/core";

/** What an operator may change of the engine, beside the core's own rules. */
export interface EngineSettings extends Settings {
  /** Finished jobs kept at hand for parents and affinity, about 300 bytes each. */
  readonly finishedMax: number;
  /** Payloads of jobs that were just submitted, kept so that their start order needs no read. */
  readonly payloadCacheBytes: number;
}

export const ENGINE_SETTINGS: EngineSettings = {
  ...DEFAULT_SETTINGS,
  finishedMax: FINISHED_MAX,
  payloadCacheBytes: 16 * 1024 * 1024,
};
