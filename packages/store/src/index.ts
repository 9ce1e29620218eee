export { openPostgresStore, type PostgresOptions } from "./postgres/open.ts";
export { openSqliteStore } from "./sqlite/sqlite-store.ts";
export type * from "./store.ts";
export { StoreError, type StoreErrorCode } from "./store-error.ts";
