import type { Decision, NewNode, Report } from "../decision.ts";
import type { Draft } from "../draft.ts";
import type { Attempt, Job } from "../model.ts";
import { endAttempt, endWithout } from "./outcome.ts";
import { exitOf, takeReport } from "./report.ts";

/**
 * A node is there, for the first time or again, and says which attempts it knows. What both sides know of goes on.
 * What the node knows and the master does not want, the node is told to end by the link's welcome.
 */
export function joinNode(draft: Draft, node: NewNode, reports: readonly Report[]): Decision {
  const { state, now } = draft;
  const known = state.nodes.get(node.id);
  draft.changes.push({
    table: "nodes",
    row: {
      ...node,
      admission: known?.admission ?? "open",
      connected: true,
      joinedAt: known?.joinedAt ?? now,
      silentAt: null,
    },
  });
  const said = new Map(reports.map((report) => [`${report.jobId}.${report.number}`, report]));
  for (const jobId of state.use.get(node.id)?.attempts ?? []) {
    const job = state.jobs.get(jobId);
    const attempt = state.attempts.get(jobId);
    if (job === undefined || attempt === undefined) continue;
    const report = said.get(`${jobId}.${attempt.number}`);
    if (report === undefined) reconcileUnknown(draft, node, job, attempt);
    else reconcileKnown(draft, job, attempt, report);
  }
  return draft.done();
}

function reconcileKnown(draft: Draft, job: Job, attempt: Attempt, report: Report): void {
  takeReport(draft, job, attempt, report);
  if (job.cancel === null || report.state === "exited" || attempt.state === "exited") return;
  const { nodeId, jobId, number } = attempt;
  draft.effects.push({ type: "stop", nodeId, jobId, number, cause: job.cancel, graceMs: job.graceMs });
}

/** The master has an attempt on the node that the node does not know. */
function reconcileUnknown(draft: Draft, node: NewNode, job: Job, attempt: Attempt): void {
  if (attempt.state === "exited") endAttempt(draft, job, attempt, exitOf(attempt));
  else if (attempt.state === "running") {
    const rebooted = draft.state.nodes.get(node.id)?.bootId !== node.bootId;
    const message = rebooted
      ? `its node ${node.name} was restarted`
      : `its node ${node.name} no longer has it`;
    endAttempt(draft, job, attempt, endWithout("node-lost", message));
  } else if (job.cancel !== null) {
    endAttempt(draft, job, attempt, endWithout(job.cancel, "cancelled before it was started"));
  } else {
    const notes = job.note === "" ? [] : [job.note];
    draft.effects.push({ type: "start", nodeId: node.id, job, notes });
  }
}

/** A node is no longer heard of. It takes no new attempts; those that it has, it keeps until `tick` gives them up. */
export function silenceNode(draft: Draft, nodeId: string): Decision {
  const node = draft.state.nodes.get(nodeId);
  if (node?.connected) {
    draft.changes.push({ table: "nodes", row: { ...node, connected: false, silentAt: draft.now } });
  }
  return draft.done();
}

/**
 * The master was away for nobody knows how long, and nodes could not have been heard of: each that is expected to run
 * something gets its whole time again, else a master that was down for long would give up jobs that never stopped.
 */
export function silenceAll(draft: Draft): Decision {
  const { state, now } = draft;
  for (const node of state.nodes.values()) {
    const runs = (state.use.get(node.id)?.attempts.size ?? 0) > 0;
    if (node.connected || runs) {
      draft.changes.push({ table: "nodes", row: { ...node, connected: false, silentAt: now } });
    }
  }
  return draft.done();
}
