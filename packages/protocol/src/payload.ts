/** What an attempt runs. Immutable, kept apart from the job's row: the core never looks at it. */
export interface JobPayload {
  /** Exactly one of `command` and `script` is set. */
  readonly command: readonly string[] | null;
  /** Path of the entry within `files`. `.py` runs with `python`, `.sh` with bash, anything else by itself. */
  readonly script: string | null;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Interpreter of a Python script; null takes the agent's. */
  readonly python: string | null;
  readonly files: readonly PayloadFile[];
}

export interface PayloadFile {
  /** Relative, with `/`, without `..`. */
  readonly path: string;
  readonly sha256: string;
  readonly size: number;
  readonly executable: boolean;
}
