/**
 * Why a store could not be opened, or may not be written by this process any more. Other failures of single operations
 * are the database's own errors, passed on.
 */
export type StoreErrorCode = "in-use" | "newer-schema" | "not-a-store" | "deposed";

export class StoreError extends Error {
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "StoreError";
    this.code = code;
  }
}
