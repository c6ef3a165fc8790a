import type { MediationEvent } from "../../mediation/templates/event.ts";
import type { TemplateMapping } from "../../mediation/mapping/template_mapping.ts";
import type { EventFields, EventLevel, ReportOfSession } from "./proxy_event.ts";

/**
 * Returns a receiver of mediation events that reports them as events of a session.
 *
 * @param observed whether the session is only observed: messages then say what would happen, and a field `observed`
 *   that what the others list, such as fields stripped, is not done
 */
export function mediationReport(
  report: ReportOfSession,
  observed: () => boolean = () => false,
): (event: MediationEvent) => void {
  return (event) => {
    const isObserved = observed();
    const { level, message, fields } = describeMediationEvent(event, isObserved);
    report(level, event.event, message, isObserved ? { ...fields, observed: true } : fields, event);
  };
}

/** Describes a mediation event for a log line. The fields do not include the mapping, which is too long for one. */
function describeMediationEvent(
  event: MediationEvent,
  observed = false,
): { readonly level: EventLevel; readonly message: string; readonly fields: EventFields } {
  switch (event.event) {
    case "template_mapped": {
      const { mapping, observationDomain, template, targetTemplate, outcome, replaced, remapped, renewed } = event;
      const { detectedProfile } = event;
      const { stripped, padded } = differences(mapping);
      return {
        // A reload maps every template of every session again, and is itself reported once.
        level: remapped === true && renewed !== true ? "debug" : replaced ? "warning" : "info",
        message: outcome === "identity"
          ? `template ${template} is sent to the collector unchanged`
          : `template ${template}: ${mapping.source.fields.length} fields ${
            observed ? "would become" : "become"
          } ${mapping.fields.length}`,
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
      const message = `sequence number ${received} was received where ${expected} was expected`;
      return { level: "debug", message, fields: { observationDomain, expected, received } };
    }
    case "plugin_failed": {
      const { event: _event, message, ...fields } = event;
      return { level: "error", message, fields };
    }
    case "records_dropped":
    case "template_refused": {
      const { event: name, message, ...fields } = event;
      const would = name === "records_dropped" ? "records would be dropped" : "template would be refused";
      return { level: "warning", message: observed ? `${would}: ${message}` : message, fields };
    }
    default: {
      const { event: _event, message, ...fields } = event;
      return { level: "warning", message, fields };
    }
  }
}

/** The names of the elements that a mapping removes and adds. */
interface Differences {
  readonly stripped: readonly string[];
  readonly padded: readonly string[];
}

/** Sessions share mappings, and the recent events kept of each session then share these lists. */
const known = new WeakMap<TemplateMapping, Differences>();

function differences(mapping: TemplateMapping): Differences {
  const found = known.get(mapping) ?? findDifferences(mapping);
  known.set(mapping, found);
  return found;
}

function findDifferences({ source, fields }: TemplateMapping): Differences {
  const kept = new Set(fields.flatMap(({ value }) => value.from === "record" ? [value.index] : []));
  return {
    stripped: source.fields.filter((_, index) => !kept.has(index)).map(({ element }) => element.name),
    padded: fields.filter(({ value }) => value.from !== "record").map(({ target }) => target.element.name),
  };
}
