/**
 * One-line bugs, put into the shipped text while it is loaded: the simulator's own test. Each should make some check speak
 * within a few seeds. `text` must be in the file exactly once, so that a mutant which no longer applies is noticed.
 */
export interface Mutant {
  readonly id: string;
  readonly file: string;
  readonly text: string;
  readonly becomes: string;
}

const CORE = "packages/core/src/";
const MASTER = "packages/master/src/";
const AGENT = "packages/agent/src/";

export const MUTANTS: readonly Mutant[] = [
  {
    id: "fence forgets the attempt number",
    file: `${CORE}decide/report.ts`,
    text: "if (attempt.number !== number || attempt.nodeId !== nodeId) return stale",
    becomes: "if (attempt.nodeId !== nodeId) return stale",
  },
  {
    id: "fence forgets the node",
    file: `${CORE}decide/report.ts`,
    text: "if (attempt.number !== number || attempt.nodeId !== nodeId) return stale",
    becomes: "if (attempt.number !== number) return stale",
  },
  {
    id: "the job ends before its log is whole",
    file: `${CORE}decide/report.ts`,
    text: "if (isEmpty(said.logBytes)) endAttempt",
    becomes: "if (true) endAttempt",
  },
  {
    id: "capacity in use is not counted",
    file: `${CORE}place/place.ts`,
    text: "  rooms.take(node.id, job, devices);",
    becomes: "",
  },
  {
    id: "a node that is silent takes jobs",
    file: `${CORE}place/fit.ts`,
    text: "return node.connected &&",
    becomes: "return true &&",
  },
  {
    id: "parents are not waited for",
    file: `${CORE}decide/submit.ts`,
    text: "  return ready ? readyNow(row, now) : row;",
    becomes: "  return readyNow(row, now);",
  },
  {
    id: "a failed parent lets its children go",
    file: `${CORE}decide/outcome.ts`,
    text: '      if (parent.state === "succeeded") {',
    becomes: '      if (parent.state !== "cancelled") {',
  },
  {
    id: "a cancelled job is tried again",
    file: `${CORE}decide/outcome.ts`,
    text: '  if (job.cancel !== null) return { state: "cancelled", exit: { ...exit, cause: job.cancel } };',
    becomes: '  if (exit.cause === "timeout") return null;',
  },
  {
    id: "silent nodes are never given up",
    file: `${CORE}decide/tick.ts`,
    text: "if (lostAt(state, job, attempt, settings) <= now) endLost",
    becomes: "if (false) endLost",
  },
  {
    id: "silent nodes are given up at once",
    file: `${CORE}decide/tick.ts`,
    text: "return silentAt + held + Math.ceil(held / DRIFT_PART) + LOST_GRACE_MS + MARGIN_MS;",
    becomes: "return silentAt;",
  },
  {
    id: "a node that comes back is not asked what it has",
    file: `${CORE}decide/nodes.ts`,
    text: "if (report === undefined) reconcileUnknown(draft, node, job, attempt);",
    becomes: "if (report === undefined) continue;",
  },
  {
    id: "a start that was lost is not sent again",
    file: `${CORE}decide/nodes.ts`,
    text: '    draft.effects.push({ type: "start", nodeId: node.id, job, notes });',
    becomes: "    void notes;",
  },
  {
    id: "a stop that was lost is not sent again",
    file: `${CORE}decide/nodes.ts`,
    text: '  draft.effects.push({ type: "stop", nodeId, jobId, number, cause: job.cancel, graceMs: job.graceMs });',
    becomes: "  void [nodeId, jobId, number];",
  },
  {
    id: "the required affinity gives way",
    file: `${CORE}place/affinity.ts`,
    text: '    if (job.affinity === "required") {',
    becomes: '    if (job.affinity === "none") {',
  },
  {
    id: "what is followed is forgotten",
    file: `${CORE}finished.ts`,
    text: "if (!memory.followers.has(oldest.id)) forget",
    becomes: "if (true) forget",
  },
  {
    id: "devices are not taken",
    file: `${CORE}place/choose.ts`,
    text: "!used.devices.has(",
    becomes: "!new Set<number>().has(",
  },
  {
    id: "effects are let go before the commit",
    file: `${MASTER}engine/writer.ts`,
    text: "      if (!group.storesNothing) await store.commit(group);",
    becomes: "      this.#events.committed(group); if (!group.storesNothing) await store.commit(group);",
  },
  {
    id: "answers go out before the commit",
    file: `${MASTER}engine/writer.ts`,
    text: "      if (!group.storesNothing) await store.commit(group);",
    becomes:
      "      for (const reply of group.replies) reply.resolve(); if (!group.storesNothing) await store.commit(group);",
  },
  {
    id: "memory is kept after a commit of unknown outcome",
    file: `${MASTER}engine/writer.ts`,
    text: "        await this.load();\n        return;",
    becomes: "        return;",
  },
  {
    id: "links stay when memory is thrown away",
    file: `${MASTER}link/node-link.ts`,
    text: 'engine.onReset(() => this.#endAll("the master loads its memory anew"))',
    becomes: "engine.onReset(() => undefined)",
  },
  {
    id: "no deadline is waited for",
    file: `${MASTER}engine/writer.ts`,
    text: "    this.#deadline.set(nextDeadline(this.#state, settings));",
    becomes: "",
  },
  {
    id: "a fresh master does not wait a full bound",
    file: `${CORE}decide/nodes.ts`,
    text: "    if (node.connected || runs) {",
    becomes: "    if (node.connected && (runs || !runs)) {",
  },
  {
    id: "an agent that is back is turned away",
    file: `${MASTER}link/node-link.ts`,
    text: "before.instance === instance",
    becomes: "before.instance !== instance",
  },
  {
    id: "nobody looks for heartbeats at the master",
    file: `${MASTER}link/session.ts`,
    text: 'if (this.#frames === seen) this.end("sent no heartbeat within the lease");',
    becomes: "if (this.#frames < 0) this.end();",
  },
  {
    id: "the agent does not look for its master",
    file: `${AGENT}link/link.ts`,
    text: "if (clock.now() - this.heardAt > this.leaseMs) {",
    becomes: "if (clock.now() < 0) {",
  },
  {
    id: "a repeated start runs again",
    file: `${AGENT}run/attempts.ts`,
    text: "    if (known !== undefined) {\n      this.report(known);\n      return;\n    }",
    becomes: "    void known;",
  },
  {
    id: "what the master does not want goes on",
    file: `${AGENT}run/attempts.ts`,
    text: '      if (entry.state.phase === "exited") this.forget(entry.key);\n      else this.disown(entry);',
    becomes: "",
  },
  {
    id: "ended attempts are not told of again",
    file: `${AGENT}run/attempts.ts`,
    text: ".filter((entry) => !entry.disowned)",
    becomes: '.filter((entry) => entry.state.phase !== "exited")',
  },
  {
    id: "logs do not go on after a reconnect",
    file: `${AGENT}stream/shipper.ts`,
    text: "        cursor.sent = cursor.acked;\n      }\n      this.enqueue(shipment);",
    becomes: "        cursor.sent = cursor.acked;\n      }",
  },
  {
    id: "the end of a log is not sent",
    file: `${AGENT}stream/shipper.ts`,
    text: "cursor.total = totals[cursor.stream];",
    becomes: "cursor.total = Math.min(cursor.sent, totals[cursor.stream]);",
  },
  {
    id: "what an earlier agent left is not adopted",
    file: `${AGENT}run/attempts.ts`,
    text: "    for (const { key, report, titan, stdoutBytes, stderrBytes } of leftovers) {",
    becomes: "    for (const { key, report, titan, stdoutBytes, stderrBytes } of leftovers.slice(0, 0)) {",
  },
  {
    id: "a stop overtakes its start",
    file: `${MASTER}link/session.ts`,
    text: "    else if (this.#starting.has(key)) this.#starting.set(key, effect);\n",
    becomes: "",
  },
];
