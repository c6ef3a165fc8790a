import { Counters } from "../../mediation/templates/counters.ts";
import type { TemplateState } from "../../mediation/session/session_rewriter.ts";
import type { AdminView, AgentView, SessionView } from "./view.ts";

/** Whether a session is only observed: what it counts as lost is then what would be. */
export function isObserved({ mode }: Pick<AdminView, "mode">, { observed }: SessionView): boolean {
  return observed ?? mode === "observe";
}

/** What a session counted while it was only observed. */
export function observedCounters(view: Pick<AdminView, "mode">, session: SessionView): Counters {
  return session.observedCounters ?? (isObserved(view, session) ? session.counters : new Counters());
}

/** What a session counted while it was not only observed. */
export function rewrittenCounters(view: Pick<AdminView, "mode">, session: SessionView): Counters {
  return session.rewrittenCounters ?? (isObserved(view, session) ? new Counters() : session.counters);
}

/** Returns the Agent that a session's exporter is; undefined if there is no cluster, or it does not know. */
export function agentOf(
  view: Pick<AdminView, "agentOf">,
  { peer, certificateName }: SessionView,
  templates: readonly TemplateState[],
): AgentView | undefined {
  if (view.agentOf === undefined) return undefined;
  const observationDomains = [...new Set(templates.map(({ observationDomain }) => observationDomain))];
  return view.agentOf({ peer, certificateName, observationDomains });
}
