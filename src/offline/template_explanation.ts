import { explainMapping, type Explanation } from "../mediation/mapping/explanation.ts";
import { detectAntreaRelease } from "../config/profiles/antrea_eras.ts";
import type { Template } from "../ipfix/record/template.ts";
import { runChain } from "../mediation/mapping/chain/mapping_chain.ts";
import type { Profile } from "../mediation/mapping/profile/profile.ts";
import { isIdentity, type TemplateMapping } from "../mediation/mapping/template_mapping.ts";
import type { Treatment } from "../mediation/mapping/chain/treatment.ts";

/** How one template is mapped from one release to another. */
export interface TemplateExplanation extends Explanation {
  /** Its name in the source profile, such as `IPv4`. */
  readonly name: string;
  /** The elements that select it, such as `sourceIPv4Address`; `its own layout alone` if none do. */
  readonly selectedBy: string;
  /** Whether every record goes out octet for octet. */
  readonly identical: boolean;
}

/**
 * Runs the templates of one profile through the chain for another, as a session would.
 *
 * @throws ChainError where a plugin fails
 */
export function explainTemplates(from: Profile, treatment: Treatment): TemplateExplanation[] {
  return templatesOf(from).map(({ name, selectedBy, template }) => {
    const mapping = mapTemplate(template, treatment);
    return { name, selectedBy, identical: isIdentity(mapping), ...explainMapping(mapping) };
  });
}

/** The templates that an exporter sends whose collector expects this profile. */
function templatesOf({ templates }: Profile) {
  return templates.map(({ name, selectedBy, fields, scopeFieldCount = 0 }, index) => ({
    name,
    selectedBy: selectedBy.map((element) => element.name).join(", ") || "its own layout alone",
    template: { id: 256 + index, fields, scopeFieldCount },
  }));
}

function mapTemplate(template: Template, treatment: Treatment): TemplateMapping {
  const detected = detectAntreaRelease(template)?.profile;
  return runChain(template, treatment, {
    // The facts of a session depend on the family of the exporter's address; most exporters have an IPv4 address.
    exporterFamily: 4,
    ...(detected === undefined ? {} : { detectedProfile: detected }),
  });
}
