import { endWithout, finishJob } from "../decide/outcome.ts";
import type { Decision } from "../decision.ts";
import type { Draft } from "../draft.ts";
import { Heap } from "../heap.ts";
import type { Attempt, Job, Node } from "../model.ts";
import type { Shape } from "../queue.ts";
import { type Allowed, allowedNodes } from "./affinity.ts";
import { chooseDevices, isBetter, isSame, rate, type Score } from "./choose.ts";
import { fitsBeside, holdsInTotal, takesJobs } from "./fit.ts";
import { rememberFollow } from "./memory.ts";
import { type Reservation, reserve, respects } from "./reserve.ts";
import { Rooms } from "./rooms.ts";

interface Candidate {
  readonly node: Node;
  readonly score: Score;
}

/** One shape's place in the pass: its next job, and the nodes where that job fits, best first. */
interface Turn {
  readonly shape: Shape;
  next: number;
  seq: number;
  fit: { readonly allowed: Allowed; readonly candidates: Heap<Candidate> } | null;
}

/**
 * Gives ready jobs their nodes: higher priority first, then first come. Costs what it places plus one look at the
 * nodes per shape, however many jobs wait.
 */
export function placeWaiting(draft: Draft): Decision {
  const { state } = draft;
  const pass = { draft, rooms: new Rooms(state), open: [...state.nodes.values()].filter(takesJobs) };
  const turns = new Heap<Turn>(goesBefore);
  for (const shape of state.shapes.values())
    turns.push({ shape, next: 0, seq: shape.jobs.seqAt(0)!, fit: null });
  let reservation: Reservation | null = null;
  for (let turn = turns.pop(); turn !== undefined; turn = turns.pop()) {
    const job = state.jobs.get(turn.shape.jobs.at(turn.next)!)!;
    turn.fit ??= fitOf(pass, turn.shape, job);
    const { allowed } = turn.fit;
    if (allowed.impossible !== null) {
      finishJob(draft, job, "failed", endWithout("affinity-impossible", allowed.impossible));
    } else {
      const node = takeBest(pass, turn, reservation);
      if (node === null) {
        reservation ??= reserve(allowed.nodes, job.requirement, (id) => pass.rooms.used(id));
        continue;
      }
      start(pass, job, node, allowed);
      offerAgain(pass, turn, node);
    }
    turn.next += 1;
    const seq = turn.shape.jobs.seqAt(turn.next);
    if (seq !== undefined) {
      turn.seq = seq;
      turns.push(turn);
    }
  }
  return draft.done();
}

interface Pass {
  readonly draft: Draft;
  readonly rooms: Rooms;
  readonly open: readonly Node[];
}

function goesBefore(a: Turn, b: Turn): boolean {
  if (a.shape.priority !== b.shape.priority) return a.shape.priority > b.shape.priority;
  return a.seq < b.seq;
}

function fitOf(pass: Pass, shape: Shape, job: Job): NonNullable<Turn["fit"]> {
  const { requirement } = shape;
  const holding = pass.open.filter((node) => holdsInTotal(node, requirement));
  const allowed = allowedNodes(pass.draft.state, job, shape.followers, holding);
  const candidates = new Heap<Candidate>((a, b) => isBetter(a.score, a.node.id, b.score, b.node.id));
  for (const node of allowed.nodes) {
    const used = pass.rooms.used(node.id);
    if (fitsBeside(node, used, requirement)) candidates.push({ node, score: rate(node, used, requirement) });
  }
  return { allowed, candidates };
}

/**
 * The best node that still has room. Within a pass room only shrinks, so a candidate that fails is gone for good. One
 * that another shape has used meanwhile is rated anew when it comes up; had it become better by that, it comes up
 * later than it might: to rate all nodes again for each job would cost shapes × nodes.
 */
function takeBest(pass: Pass, turn: Turn, reservation: Reservation | null): Node | null {
  const { requirement } = turn.shape;
  const { candidates } = turn.fit!;
  for (let best = candidates.pop(); best !== undefined; best = candidates.pop()) {
    const { node } = best;
    const used = pass.rooms.used(node.id);
    if (!fitsBeside(node, used, requirement) || !respects(reservation, node, used, requirement)) continue;
    const score = rate(node, used, requirement);
    if (isSame(score, best.score)) return node;
    candidates.push({ node, score });
  }
  return null;
}

/** The node may have room for the shape's next job too. */
function offerAgain(pass: Pass, turn: Turn, node: Node): void {
  const { requirement } = turn.shape;
  const used = pass.rooms.used(node.id);
  if (!fitsBeside(node, used, requirement)) return;
  turn.fit!.candidates.push({ node, score: rate(node, used, requirement) });
}

function start(pass: Pass, job: Job, node: Node, allowed: Allowed): void {
  const { draft, rooms } = pass;
  const { requirement } = job;
  const devices = chooseDevices(node, rooms.used(node.id), requirement);
  rooms.take(node.id, job, devices);
  const notes: string[] = [];
  if (allowed.broken !== "") notes.push(`${allowed.broken}; placed on ${node.name}`);
  if (allowed.narrowed === "followers")
    notes.push(`placed on ${node.name}, where the jobs that follow it fit too`);
  const number = job.attempt + 1;
  if (number > 1) notes.push(`attempt ${number} of ${job.retry.max + 1}; ${job.note}`);
  const row: Job = {
    ...job,
    state: "running",
    attempt: number,
    nodeId: node.id,
    devices,
    note: notes.join("; "),
  };
  const attempt: Attempt = {
    jobId: job.id,
    number,
    nodeId: node.id,
    devices,
    state: "starting",
    placedAt: draft.now,
    startedAt: null,
    exitedAt: null,
    endedAt: null,
    exit: null,
    logBytes: null,
  };
  draft.putJob(row);
  draft.putAttempt(attempt);
  rememberFollow(draft, job, allowed.target);
  draft.effects.push({ type: "start", nodeId: node.id, job: row, notes });
}
