export type {
  Info,
  JobDetail,
  JobListQuery,
  JobSpec,
  JobView,
  NodeView,
  PipelineView,
  RunView,
  Submission,
  Submitted,
  WhyView,
} from "@titan/protocol";
export { TitanError } from "@titan/protocol";
export type { ClientOptions, SubmitOptions, WaitOptions } from "./client.ts";
export { TitanClient } from "./client.ts";
export type { CallOptions } from "./connection.ts";
export { fileFromBytes, jobFromFile, jobFromText, localFile, nameFrom, scriptFile } from "./files.ts";
export { folderFiles } from "./folder.ts";
export { JobHandle, RunHandle } from "./handles.ts";
export type { FileRef, JobInput, LocalFile, SubmissionInput } from "./job-input.ts";
export type { LogOptions, LogPiece, LogStreamName, LogText } from "./logs.ts";
export { discover, normalizeUrl, stateHome } from "./platform/discovery.ts";
