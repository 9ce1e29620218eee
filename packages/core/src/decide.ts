import { cancel } from "./decide/cancel.ts";
import { joinNode, silenceAll, silenceNode } from "./decide/nodes.ts";
import { logWhole, report } from "./decide/report.ts";
import { submit } from "./decide/submit.ts";
import { tick } from "./decide/tick.ts";
import type { Command, Decision } from "./decision.ts";
import { Draft } from "./draft.ts";
import { placeWaiting } from "./place/place.ts";
import { DEFAULT_SETTINGS, type Settings } from "./settings.ts";
import type { State } from "./state.ts";

/**
 * What a command leads to. Changes nothing by itself: the caller applies the changes to memory, commits them, and
 * only then sends the effects. `now` is in milliseconds since the epoch. A rejection is an answer, never thrown.
 */
export function decide(
  state: State,
  command: Command,
  now: number,
  settings: Settings = DEFAULT_SETTINGS,
): Decision {
  const draft = new Draft(state, now);
  switch (command.type) {
    case "submit":
      return submit(draft, command.jobs, command.known);
    case "cancel":
      return cancel(draft, command.jobIds, command.cause);
    case "node-joined":
      return joinNode(draft, command.node, command.attempts);
    case "node-silent":
      return silenceNode(draft, command.nodeId);
    case "loaded":
      return silenceAll(draft);
    case "report":
      return report(draft, command.nodeId, command.report);
    case "log-whole":
      return logWhole(draft, command.jobId, command.number);
    case "place":
      return placeWaiting(draft);
    case "tick":
      return tick(draft, settings);
  }
}
