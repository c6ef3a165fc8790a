import type { TemplateState } from "../../mediation/session/session_rewriter.ts";
import type { AdminView, AgentView, SessionView } from "./view.ts";

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
