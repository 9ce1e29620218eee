/**
 * Every error that a user can meet: its code, the HTTP status that carries it and the exit code of the command line.
 * The Python SDK holds the same table; a test compares the two, and docs/errors.md is made from it.
 */
export interface ErrorKind {
  readonly status: number;
  readonly exit: ExitCode;
  readonly title: string;
  readonly hint: string;
}

/** Exit codes of the `titan` command: 0 ok, 1 failed, 2 usage, 3 not found, 4 no master, 5 refused, 6 cannot run, 7 time, 8 version. */
export type ExitCode = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

export const ERRORS = {
  "bad-request": {
    status: 400,
    exit: 2,
    title: "The request is malformed",
    hint: "See the field named in the message.",
  },
  "bad-field": {
    status: 400,
    exit: 2,
    title: "A field has a value that is not allowed",
    hint: "Correct the field named in the message.",
  },
  "unknown-field": {
    status: 400,
    exit: 2,
    title: "There is no such field",
    hint: "Check the spelling; fields that are not known are never dropped silently.",
  },
  "bad-yaml": {
    status: 400,
    exit: 2,
    title: "The pipeline file cannot be read",
    hint: "Correct the line named in the message.",
  },
  "duplicate-job": {
    status: 400,
    exit: 2,
    title: "Two jobs of one submission have the same name",
    hint: "Give each job of a submission its own name.",
  },
  "unknown-parent": {
    status: 400,
    exit: 2,
    title: "A job waits for one that does not exist",
    hint: "Parents are names of the same submission or run, or job ids.",
  },
  "dependency-cycle": {
    status: 400,
    exit: 2,
    title: "Jobs wait for each other in a circle",
    hint: "Remove one of the dependencies named in the message.",
  },
  "unknown-blob": {
    status: 400,
    exit: 2,
    title: "A file was named that the master does not have",
    hint: "Upload it first; the SDKs do so by themselves.",
  },
  "blob-mismatch": {
    status: 400,
    exit: 2,
    title: "The content does not have the hash it was sent under",
    hint: "Send it again.",
  },
  "script-not-found": {
    status: 400,
    exit: 2,
    title: "The script does not exist",
    hint: "Paths are relative to the current folder.",
  },
  "script-unreadable": {
    status: 400,
    exit: 2,
    title: "The script cannot be run",
    hint: "It must be a file with something in it; Python and shell scripts are UTF-8.",
  },
  unauthorized: {
    status: 401,
    exit: 5,
    title: "The token is missing or wrong",
    hint: "On the master's machine it is found by itself; elsewhere set TITAN_TOKEN or TITAN_TOKEN_FILE.",
  },
  "not-found": {
    status: 404,
    exit: 3,
    title: "There is no such address",
    hint: "See /api/v1/openapi.json for what there is.",
  },
  "job-not-found": {
    status: 404,
    exit: 3,
    title: "There is no such job",
    hint: "titan ps -a lists the jobs.",
  },
  "run-not-found": {
    status: 404,
    exit: 3,
    title: "There is no such run",
    hint: "titan ps -a lists the jobs with their runs.",
  },
  "node-not-found": {
    status: 404,
    exit: 3,
    title: "There is no such node",
    hint: "titan node ls lists the nodes.",
  },
  "upload-not-found": {
    status: 404,
    exit: 3,
    title: "Nothing was uploaded under that name",
    hint: "Use upload_file or upload_project_folder first.",
  },
  "method-not-allowed": {
    status: 405,
    exit: 2,
    title: "The address does not take this method",
    hint: "See /api/v1/openapi.json for what it takes.",
  },
  "stale-attempt": {
    status: 409,
    exit: 1,
    title: "A later attempt has taken over",
    hint: "Nothing was changed.",
  },
  "idempotency-conflict": {
    status: 409,
    exit: 2,
    title: "The idempotency key was used for something else",
    hint: "Use a new key for a new submission.",
  },
  "ambiguous-id": {
    status: 409,
    exit: 2,
    title: "The id fits several jobs",
    hint: "Give more characters of it.",
  },
  "too-large": {
    status: 413,
    exit: 2,
    title: "The request is too large",
    hint: "Send files as blobs and jobs in smaller batches.",
  },
  internal: {
    status: 500,
    exit: 1,
    title: "The master failed to answer",
    hint: "Its log has the reason; the request can be repeated with the same idempotency key.",
  },
  "commit-unknown": {
    status: 503,
    exit: 1,
    title: "It is not known whether this was stored",
    hint: "Repeat it with the same idempotency key.",
  },
  "master-unreachable": {
    status: 0,
    exit: 4,
    title: "The master does not answer",
    hint: "Start one with `titan dev`, or set TITAN_URL.",
  },
  "port-in-use": {
    status: 0,
    exit: 1,
    title: "The port is in use",
    hint: "Choose another: titan dev --port N, titan serve --listen HOST:N.",
  },
  "insecure-bind": {
    status: 0,
    exit: 2,
    title: "Refused to listen beyond this machine",
    hint: "Add --insecure to do so in plain text all the same.",
  },
  "version-mismatch": {
    status: 0,
    exit: 8,
    title: "The two sides speak different versions",
    hint: "Install the same version on both.",
  },
  "state-in-use": {
    status: 0,
    exit: 1,
    title: "Another process uses this state folder",
    hint: "Stop it, or choose another folder with --state.",
  },
  "launcher-failed": {
    status: 0,
    exit: 1,
    title: "The launcher of this node does not run",
    hint: "It needs Python 3.10 or newer: set TITAN_PYTHON.",
  },
  "job-failed": {
    status: 0,
    exit: 1,
    title: "The job did not succeed",
    hint: "titan logs shows what it printed.",
  },
  "wait-timeout": {
    status: 0,
    exit: 7,
    title: "It did not end in the time given",
    hint: "It goes on; wait longer, or cancel it.",
  },
  usage: {
    status: 0,
    exit: 2,
    title: "The command was not understood",
    hint: "titan help lists the commands.",
  },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;

export interface Problem {
  readonly type: string;
  readonly code: ErrorCode;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly hint: string;
  readonly field?: string;
}

/** The one error class of the TypeScript side. `code` decides; `message` and `hint` are for people. */
export class TitanError extends Error {
  readonly code: ErrorCode;
  readonly hint: string;
  readonly field: string | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: { hint?: string; field?: string; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "TitanError";
    this.code = code;
    this.hint = options.hint ?? ERRORS[code].hint;
    this.field = options.field;
  }

  /** Body of an `application/problem+json` answer, RFC 9457. */
  toProblem(): Problem {
    const { status, title } = ERRORS[this.code];
    const problem = {
      type: `urn:titan:error:${this.code}`,
      code: this.code,
      title,
      status,
      detail: this.message,
      hint: this.hint,
    };
    return this.field === undefined ? problem : { ...problem, field: this.field };
  }
}
