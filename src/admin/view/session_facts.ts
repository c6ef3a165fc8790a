import type { TemplateState } from "../../mediation/session/session_rewriter.ts";
import { allCollectors } from "./collectors.ts";
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

/**
 * Whether a session is converted between gRPC and IPFIX, because its collector does not take what its exporter sends: it
 * needs the proxy then, whatever becomes of its templates.
 */
export function isConverted(
  view: Pick<AdminView, "collector" | "otherCollectors">,
  { collector, transport }: SessionView,
): boolean {
  if (collector === undefined) return false;
  return allCollectors(view).find(({ key }) => key === collector)?.takes?.(transport) === false;
}
