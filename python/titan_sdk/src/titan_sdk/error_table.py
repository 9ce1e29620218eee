"""Every error a user can meet, as in the protocol's own table; a test compares the two."""

from __future__ import annotations

from typing import Literal, NamedTuple


class ErrorKind(NamedTuple):
    """`status` is the HTTP status that carries it (0: made on this side), `exit` the command line's exit
    code."""

    status: int
    exit: int
    title: str
    hint: str


ErrorCode = Literal[
    "bad-request",
    "bad-field",
    "unknown-field",
    "bad-yaml",
    "duplicate-job",
    "unknown-parent",
    "dependency-cycle",
    "unknown-blob",
    "blob-mismatch",
    "script-not-found",
    "script-unreadable",
    "unauthorized",
    "not-found",
    "job-not-found",
    "run-not-found",
    "node-not-found",
    "upload-not-found",
    "method-not-allowed",
    "stale-attempt",
    "idempotency-conflict",
    "ambiguous-id",
    "too-large",
    "internal",
    "commit-unknown",
    "master-unreachable",
    "port-in-use",
    "insecure-bind",
    "version-mismatch",
    "state-in-use",
    "launcher-failed",
    "job-failed",
    "wait-timeout",
    "usage",
]

ERRORS: dict[ErrorCode, ErrorKind] = {
    "bad-request": ErrorKind(400, 2, "The request is malformed", "See the field named in the message."),
    "bad-field": ErrorKind(
        400, 2, "A field has a value that is not allowed", "Correct the field named in the message."
    ),
    "unknown-field": ErrorKind(
        400,
        2,
        "There is no such field",
        "Check the spelling; fields that are not known are never dropped silently.",
    ),
    "bad-yaml": ErrorKind(
        400, 2, "The pipeline file cannot be read", "Correct the line named in the message."
    ),
    "duplicate-job": ErrorKind(
        400, 2, "Two jobs of one submission have the same name", "Give each job of a submission its own name."
    ),
    "unknown-parent": ErrorKind(
        400,
        2,
        "A job waits for one that does not exist",
        "Parents are names of the same submission or run, or job ids.",
    ),
    "dependency-cycle": ErrorKind(
        400, 2, "Jobs wait for each other in a circle", "Remove one of the dependencies named in the message."
    ),
    "unknown-blob": ErrorKind(
        400,
        2,
        "A file was named that the master does not have",
        "Upload it first; the SDKs do so by themselves.",
    ),
    "blob-mismatch": ErrorKind(
        400, 2, "The content does not have the hash it was sent under", "Send it again."
    ),
    "script-not-found": ErrorKind(
        400, 2, "The script does not exist", "Paths are relative to the current folder."
    ),
    "script-unreadable": ErrorKind(
        400,
        2,
        "The script cannot be run",
        "It must be a file with something in it; Python and shell scripts are UTF-8.",
    ),
    "unauthorized": ErrorKind(
        401,
        5,
        "The token is missing or wrong",
        "On the master's machine it is found by itself; elsewhere set TITAN_TOKEN or TITAN_TOKEN_FILE.",
    ),
    "not-found": ErrorKind(404, 3, "There is no such address", "See /api/v1/openapi.json for what there is."),
    "job-not-found": ErrorKind(404, 3, "There is no such job", "titan ps -a lists the jobs."),
    "run-not-found": ErrorKind(404, 3, "There is no such run", "titan ps -a lists the jobs with their runs."),
    "node-not-found": ErrorKind(404, 3, "There is no such node", "titan node ls lists the nodes."),
    "upload-not-found": ErrorKind(
        404, 3, "Nothing was uploaded under that name", "Use upload_file or upload_project_folder first."
    ),
    "method-not-allowed": ErrorKind(
        405, 2, "The address does not take this method", "See /api/v1/openapi.json for what it takes."
    ),
    "stale-attempt": ErrorKind(409, 1, "A later attempt has taken over", "Nothing was changed."),
    "idempotency-conflict": ErrorKind(
        409, 2, "The idempotency key was used for something else", "Use a new key for a new submission."
    ),
    "ambiguous-id": ErrorKind(409, 2, "The id fits several jobs", "Give more characters of it."),
    "too-large": ErrorKind(
        413, 2, "The request is too large", "Send files as blobs and jobs in smaller batches."
    ),
    "internal": ErrorKind(
        500,
        1,
        "The master failed to answer",
        "Its log has the reason; the request can be repeated with the same idempotency key.",
    ),
    "commit-unknown": ErrorKind(
        503, 1, "It is not known whether this was stored", "Repeat it with the same idempotency key."
    ),
    "master-unreachable": ErrorKind(
        0, 4, "The master does not answer", "Start one with `titan dev`, or set TITAN_URL."
    ),
    "port-in-use": ErrorKind(
        0, 1, "The port is in use", "Choose another: titan dev --port N, titan serve --listen HOST:N."
    ),
    "insecure-bind": ErrorKind(
        0, 2, "Refused to listen beyond this machine", "Add --insecure to do so in plain text all the same."
    ),
    "version-mismatch": ErrorKind(
        0, 8, "The two sides speak different versions", "Install the same version on both."
    ),
    "state-in-use": ErrorKind(
        0, 1, "Another process uses this state folder", "Stop it, or choose another folder with --state."
    ),
    "launcher-failed": ErrorKind(
        0, 1, "The launcher of this node does not run", "It needs Python 3.10 or newer: set TITAN_PYTHON."
    ),
    "job-failed": ErrorKind(0, 1, "The job did not succeed", "titan logs shows what it printed."),
    "wait-timeout": ErrorKind(
        0, 7, "It did not end in the time given", "It goes on; wait longer, or cancel it."
    ),
    "usage": ErrorKind(0, 2, "The command was not understood", "titan help lists the commands."),
}
