import { parseIPv4, parseIPv6 } from "../../ipfix/address.ts";
import { encodeTemplateRecord } from "../../ipfix/template_record.ts";
import { smallestRecordLength, type Template } from "../../ipfix/template.ts";
import type { CompiledMapping } from "../program/compiled_mapping.ts";
import type { Dialect } from "../mapping/dialect.ts";
import type { DropReason } from "../templates/event.ts";
import { ChainError, runChain } from "../mapping/mapping_chain.ts";
import type { SharedState } from "./shared_state.ts";
import { hasReferences } from "../references/reference_fields.ts";
import { allocate, memoryLongs, release } from "../program/loop/memory.ts";
import { countersLength } from "../program/rewrite_program.ts";
import type { SessionEvents } from "./session_events.ts";
import type { SessionFacts } from "./session_rewriter.ts";
import type { SessionTarget } from "./session_target.ts";
import { isIdentity, targetTemplate, type TemplateMapping } from "../mapping/template_mapping.ts";
import {
  AcceptedTemplate,
  type RefusedTemplate,
  type SharedTemplate,
  type TemplateEntry,
} from "../templates/template_entry.ts";
import { MESSAGE_OVERHEAD } from "../templates/template_message.ts";
import type { Treatment } from "../mapping/treatment.ts";

/** Makes template entries: from a source template through the plugins to a program in the rewrite loop's memory. */
export class TemplateIntake {
  constructor(
    readonly shared: SharedState,
    readonly facts: SessionFacts,
    readonly target: Pick<SessionTarget, "chooseTreatment" | "maxMessageLength">,
    readonly events: Pick<SessionEvents, "notify">,
  ) {
  }

  /** Not kept: templates are rare, and sessions many. */
  get #exporterAddress(): Uint8Array | undefined {
    return this.facts.address === undefined ? undefined : addressOctets(this.facts.address);
  }

  /**
   * The entry of a template that came in, and what to undo if it does not stay.
   *
   * @param previous what stands under the same id; its target id, where it is still held, is another's for another layout
   */
  take(source: Template, observationDomain: number, previous: TemplateEntry | undefined): TemplateEntry {
    const detectedProfile = this.shared.detectRelease(source);
    const refuse = (reason: DropReason, message: string): RefusedTemplate => {
      this.events.notify({ event: "template_refused", observationDomain, template: source.id, reason, message });
      return { kind: "refused", source, reason, message, detectedProfile };
    };
    if (smallestRecordLength(source) === 0) return refuse("template_refused", "its records have no octets");
    const treatment = this.target.chooseTreatment({
      ...(this.facts.address === undefined ? {} : { address: this.facts.address }),
      ...(this.facts.certificateName === undefined ? {} : { certificateName: this.facts.certificateName }),
      observationDomain,
      ...(detectedProfile === undefined ? {} : { detectedProfile }),
    });
    const { dialect } = treatment.profile;
    if (source.scopeFieldCount > 0 && !dialect.optionsTemplates) {
      return refuse("options_template", `the collector's dialect ${dialect.name} takes no options templates`);
    }
    let mapping: TemplateMapping;
    try {
      mapping = this.#map(source, treatment, detectedProfile);
    } catch (error) {
      if (!(error instanceof ChainError)) throw error;
      const { plugin, message } = error;
      this.events.notify({ event: "plugin_failed", observationDomain, template: source.id, plugin, message });
      if (previous?.kind !== "accepted") return refuse("mapping_failed", `${plugin}: ${message}`);
      mapping = { ...previous.mapping };
      if (!sameSource(mapping.source, source)) return refuse("mapping_failed", `${plugin}: ${message}`);
    }
    if (mapping.fields.length === 0 || (source.scopeFieldCount > 0 && mapping.fields[0]?.scope !== true)) {
      return refuse("everything_stripped", "the collector knows none of its fields");
    }
    if (smallestRecordLength(targetTemplate(mapping, source.id)) === 0) {
      return refuse("everything_stripped", "what the collector knows of it has no octets");
    }
    return this.#accept(source, observationDomain, treatment, mapping, detectedProfile) ??
      refuse("limit", "no template id or no memory is left");
  }

  /** Gives back what an entry holds in common with other sessions, except its target id. */
  discard(entry: TemplateEntry): void {
    if (entry.kind === "refused") return;
    release(entry.counters, countersLength(entry.compiled.program));
    this.shared.compiled.release(entry.compiled.key);
  }

  /** Takes the entry's target id (again); false when it is not to be had. */
  holdId(entry: AcceptedTemplate, observationDomain: number): boolean {
    if (!entry.sharesIds) return true;
    return this.shared.ids.take(observationDomain, entry.targetId, layoutWord(entry.mapping)) === entry.targetId;
  }

  /** Gives the entry's target id back. */
  releaseId(entry: TemplateEntry, observationDomain: number): void {
    if (entry.kind === "accepted" && entry.sharesIds) this.shared.ids.release(observationDomain, entry.targetId);
  }

  #map(source: Template, treatment: Treatment, detectedProfile: string | undefined): TemplateMapping {
    const length = this.#exporterAddress?.length;
    const exporterFamily = length === 4 ? 4 : length === 16 ? 6 : undefined;
    const facts = { ...(detectedProfile === undefined ? {} : { detectedProfile }), exporterFamily } as const;
    const { compiled, numberOf } = this.shared;
    const question = [numberOf(treatment), detectedProfile, exporterFamily, source.id, fieldsWord(source)].join("|");
    return compiled.memo.recall(question, () => runChain(source, treatment, facts));
  }

  #accept(
    source: Template,
    observationDomain: number,
    treatment: Treatment,
    own: TemplateMapping,
    detectedProfile: string | undefined,
  ): TemplateEntry | undefined {
    const { dialect } = treatment.profile;
    const { keepLostValues } = this.shared;
    const usesFacts = own.fields.some(({ value }) => value.from === "session");
    const compiledKey = [
      this.shared.numberOf(treatment),
      dialect.setPadding ? "padding" : "",
      keepLostValues ? "values" : "",
      usesFacts ? `${observationDomain}/${this.#exporterAddress?.join(".")}` : this.#exporterAddress?.length,
      mappingWord(own),
    ].join("|");
    // Thousands of Agents have the same two mappings between them: each of those is held once.
    const mapping = this.shared.compiled.mapping(compiledKey, source.id) ?? own;
    const isShared = sharesIds(dialect);
    const targetId = isShared ? this.shared.ids.take(observationDomain, source.id, layoutWord(mapping)) : source.id;
    if (targetId === undefined) return undefined;
    const release = () => isShared && this.shared.ids.release(observationDomain, targetId);
    const announcement = announcementOf(mapping, targetId);
    if (announcement.length + MESSAGE_OVERHEAD > this.target.maxMessageLength) {
      release();
      const reason = "template_too_long";
      const message = `${announcement.length} octets of template record in messages of ${this.target.maxMessageLength}`;
      this.events.notify({ event: "template_refused", observationDomain, template: source.id, reason, message });
      return { kind: "refused", source, reason, message, detectedProfile };
    }
    try {
      const facts = { exporterAddress: this.#exporterAddress, observationDomain };
      const compiled = this.shared.compiled.take(compiledKey, mapping, facts, dialect.setPadding, keepLostValues);
      const length = compiled === undefined ? 0 : countersLength(compiled.program);
      const counters = length === 0 ? 0 : allocate(length);
      if (compiled === undefined || counters === 0) {
        if (compiled !== undefined) this.shared.compiled.release(compiledKey);
        release();
        return undefined;
      }
      memoryLongs.fill(0n, counters >>> 3, (counters + length) >>> 3);
      return new AcceptedTemplate(
        sharedTemplate({ mapping, compiled, targetId, dialect, detectedProfile, announcement }),
        counters,
      );
    } catch (error) {
      release();
      if (!(error instanceof RangeError)) throw error;
      const message = error.message;
      this.events.notify({
        event: "template_refused",
        observationDomain,
        template: source.id,
        reason: "mapping_failed",
        message,
      });
      return { kind: "refused", source, reason: "mapping_failed", message, detectedProfile };
    }
  }
}

/** Of compiled mappings that sessions share, the last: most have one. */
const sharedTemplates = new WeakMap<CompiledMapping, SharedTemplate>();

/** What sessions with the same parts share: one object, as long as the last that was asked for had the same ones. */
function sharedTemplate(
  parts: Pick<SharedTemplate, "mapping" | "compiled" | "targetId" | "dialect" | "detectedProfile" | "announcement">,
): SharedTemplate {
  const { mapping, compiled, targetId, dialect, detectedProfile } = parts;
  const known = sharedTemplates.get(compiled);
  const isSame = known !== undefined && known.mapping === mapping && known.targetId === targetId &&
    known.dialect === dialect && known.detectedProfile === detectedProfile;
  if (isSame) return known;
  const { source } = mapping;
  const shared: SharedTemplate = {
    ...parts,
    source,
    identity: isIdentity(mapping) && targetId === source.id,
    references: hasReferences(mapping),
    sharesIds: sharesIds(dialect),
  };
  sharedTemplates.set(compiled, shared);
  return shared;
}

/** Whether the collector keeps one layout per domain and template id over all its sessions. */
function sharesIds({ templateScope }: Dialect): boolean {
  return templateScope === "observation-domain";
}

/** Of mappings that sessions share, under the last id: most have one. */
const announcements = new WeakMap<TemplateMapping, { readonly targetId: number; readonly octets: Uint8Array }>();

/** The template record as the collector gets it. Shared: not to be changed. */
function announcementOf(mapping: TemplateMapping, targetId: number): Uint8Array {
  const known = announcements.get(mapping);
  if (known?.targetId === targetId) return known.octets;
  const octets = encodeTemplateRecord(targetTemplate(mapping, targetId));
  announcements.set(mapping, { targetId, octets });
  return octets;
}

function addressOctets(address: string): Uint8Array | undefined {
  return parseIPv4(address) ?? parseIPv6(address);
}

function sameSource(one: Template, other: Template): boolean {
  return fieldsWord(one) === fieldsWord(other);
}

/** Equal words, equal layouts. */
function fieldsWord({ fields, scopeFieldCount }: Pick<Template, "fields" | "scopeFieldCount">): string {
  return `${scopeFieldCount}:` +
    fields.map(({ element, length }) => `${element.enterpriseBit ? `${element.pen}.` : ""}${element.id}.${length}`)
      .join();
}

/** Of mappings that sessions share: so that they share these, too. */
const layoutWords = new WeakMap<TemplateMapping, string>();

/** A word for the target layout. */
function layoutWord(mapping: TemplateMapping): string {
  const known = layoutWords.get(mapping);
  if (known !== undefined) return known;
  const word = fieldsWord(targetTemplate(mapping, mapping.source.id));
  layoutWords.set(mapping, word);
  return word;
}

/** As {@link layoutWords}. */
const mappingWords = new WeakMap<TemplateMapping, string>();

/** A word for all that the program depends on but the session's facts. */
function mappingWord(mapping: TemplateMapping): string {
  const known = mappingWords.get(mapping);
  if (known !== undefined) return known;
  const values = mapping.fields.map(({ value }) =>
    value.from === "record"
      ? `${value.index}${value.convert ?? ""}`
      : value.from === "constant"
      ? `=${value.octets.join(".")}`
      : value.fact
  );
  const word = `${fieldsWord(mapping.source)}|${layoutWord(mapping)}|${values.join()}`;
  mappingWords.set(mapping, word);
  return word;
}
