import type { ObservationDomain } from "../../templates/template_entry.ts";
import type { TemplateState } from "../session_rewriter.ts";

/** Describes the templates of a session for display. */
export function templateStates(domains: Iterable<ObservationDomain>): TemplateState[] {
  const states: TemplateState[] = [];
  for (const domain of domains) {
    for (const [template, entry] of domain.templates) {
      const { detectedProfile } = entry.kind === "refused" ? entry : entry.shared;
      const detected = detectedProfile === undefined ? {} : { detectedProfile };
      states.push(
        entry.kind === "refused"
          ? {
            observationDomain: domain.id,
            template,
            targetTemplate: undefined,
            outcome: "refused",
            records: 0,
            ...detected,
          }
          : {
            observationDomain: domain.id,
            template,
            targetTemplate: entry.shared.targetId,
            outcome: entry.shared.identity ? "identity" : "rewritten",
            mapping: entry.shared.mapping,
            records: entry.records,
            ...detected,
          },
      );
    }
  }
  return states;
}
