/** TypeScript's view of the HTTP schemas, without loading them. */
import type { Static } from "typebox";
import type * as schemas from "./schemas.ts";

export type JobSpec = Static<typeof schemas.JobSpec>;
export type Submission = Static<typeof schemas.Submission>;
export type Submitted = Static<typeof schemas.Submitted>;
export type JobView = Static<typeof schemas.JobView>;
export type JobDetail = Static<typeof schemas.JobDetail>;
export type AttemptView = Static<typeof schemas.AttemptView>;
export type RequirementView = Static<typeof schemas.RequirementView>;
export type NodeView = Static<typeof schemas.NodeView>;
export type RunView = Static<typeof schemas.RunView>;
export type WhyView = Static<typeof schemas.WhyView>;
export type LogRecord = Static<typeof schemas.LogRecord>;
export type Info = Static<typeof schemas.Info>;
export type Upload = Static<typeof schemas.Upload>;
export type PipelineView = Static<typeof schemas.PipelineView>;
export type JobListQuery = Static<typeof schemas.JobListQuery>;
export type LogQuery = Static<typeof schemas.LogQuery>;
