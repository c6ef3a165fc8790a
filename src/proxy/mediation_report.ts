import type { MediationEvent } from "../mediation/event.ts";
import type { EventFields, EventLevel } from "./proxy_event.ts";

/** A mediation's event as a log line says it. The mapping itself is too long for one: it goes along beside the fields. */
export function describeMediationEvent(
  event: MediationEvent,
): { readonly level: EventLevel; readonly message: string; readonly fields: EventFields } {
  switch (event.event) {
    case "template_mapped": {
      const { mapping, observationDomain, template, targetTemplate, outcome, replaced, remapped, detectedProfile } =
        event;
      const kept = new Set(mapping.fields.flatMap(({ value }) => value.from === "record" ? [value.index] : []));
      const stripped = mapping.source.fields.filter((_, index) => !kept.has(index)).map(({ element }) => element.name);
      const padded = mapping.fields.filter(({ value }) => value.from !== "record").map(({ target }) =>
        target.element.name
      );
      return {
        // After a reload that is one for each template of each session: the reload itself is said once.
        level: remapped === true ? "debug" : replaced ? "warning" : "info",
        message: outcome === "identity"
          ? `template ${template} goes to the collector as it is`
          : `template ${template}: ${mapping.source.fields.length} fields become ${mapping.fields.length}`,
        fields: {
          observationDomain,
          template,
          targetTemplate,
          outcome,
          replaced,
          ...(remapped === true ? { remapped } : {}),
          ...(detectedProfile === undefined ? {} : { detectedProfile }),
          ...(outcome === "identity" ? {} : { stripped, padded }),
        },
      };
    }
    case "template_withdrawn": {
      const { observationDomain, template } = event;
      return { level: "info", message: `template ${template} is withdrawn`, fields: { observationDomain, template } };
    }
    case "sequence_gap": {
      const { observationDomain, expected, received } = event;
      const message = `sequence number ${received} came where ${expected} was next`;
      return { level: "debug", message, fields: { observationDomain, expected, received } };
    }
    case "plugin_failed": {
      const { event: _event, message, ...fields } = event;
      return { level: "error", message, fields };
    }
    default: {
      const { event: _event, message, ...fields } = event;
      return { level: "warning", message, fields };
    }
  }
}
