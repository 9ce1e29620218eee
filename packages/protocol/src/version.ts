export const VERSION = "0.1.0";
export const DEFAULT_PORT = 9090;
export const API_PREFIX = "/api/v1";
