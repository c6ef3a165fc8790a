import { encodeTemplateRecord } from "../../../ipfix/record/template_record.ts";
import type { Dialect } from "../../mapping/profile/dialect.ts";
import { isIdentity, targetTemplate, type TemplateMapping } from "../../mapping/template_mapping.ts";
import type { CompiledMapping } from "../../program/compiled_mapping.ts";
import { hasReferences } from "../../references/reference_fields.ts";
import type { SharedTemplate } from "../../templates/template_entry.ts";

/** What a {@link SharedTemplate} is made of; the rest follows from it. */
export type SharedTemplateParts = Pick<
  SharedTemplate,
  "mapping" | "compiled" | "targetId" | "dialect" | "detectedProfile" | "announcement"
>;

/** Whether the collector keeps one layout for each domain and template id over all its sessions. */
export function sharesIds({ templateScope }: Dialect): boolean {
  return templateScope === "observation-domain";
}

/**
 * Templates as all sessions of a mediator have them. Thousands of sessions have the same two, so each is held once; of
 * those that differ in nothing but id or profile, only the last is remembered.
 */
export class SharedTemplates {
  readonly #templates = new WeakMap<CompiledMapping, SharedTemplate>();
  readonly #announcements = new WeakMap<
    TemplateMapping,
    { readonly targetId: number; readonly octets: Uint8Array }
  >();

  /** The shared template of these parts. */
  take(parts: SharedTemplateParts): SharedTemplate {
    const { mapping, compiled, targetId, dialect, detectedProfile } = parts;
    const known = this.#templates.get(compiled);
    const isSame = known !== undefined && known.mapping === mapping && known.targetId === targetId &&
      known.dialect === dialect && known.detectedProfile === detectedProfile;
    if (isSame) return known;
    const shared: SharedTemplate = {
      ...parts,
      identity: isIdentity(mapping) && targetId === mapping.source.id,
      references: hasReferences(mapping),
      sharesIds: sharesIds(dialect),
    };
    this.#templates.set(compiled, shared);
    return shared;
  }

  /** The template record that the collector gets (RFC 7011 §3.4.1, §3.4.2). Shared: not to be changed. */
  announcement(mapping: TemplateMapping, targetId: number): Uint8Array {
    const known = this.#announcements.get(mapping);
    if (known?.targetId === targetId) return known.octets;
    const octets = encodeTemplateRecord(targetTemplate(mapping, targetId));
    this.#announcements.set(mapping, { targetId, octets });
    return octets;
  }
}
