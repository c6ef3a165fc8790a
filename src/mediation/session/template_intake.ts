import { parseIPv4, parseIPv6 } from "../../ipfix/address.ts";
import { smallestRecordLength, type Template } from "../../ipfix/template.ts";
import type { CompiledMapping } from "../program/compiled_mapping.ts";
import type { Dialect } from "../mapping/dialect.ts";
import type { DropReason } from "../templates/event.ts";
import { ChainError, runChain } from "../mapping/mapping_chain.ts";
import { layoutFingerprint } from "./fingerprints.ts";
import type { SharedState } from "./shared_state.ts";
import { sharesIds } from "./shared_templates.ts";
import { allocate, memoryLongs, release } from "../program/loop/memory.ts";
import { countersLength } from "../program/rewrite_program.ts";
import type { SessionEvents } from "./session_events.ts";
import type { SessionFacts } from "./session_rewriter.ts";
import type { SessionTarget } from "./session_target.ts";
import { targetTemplate, type TemplateMapping } from "../mapping/template_mapping.ts";
import type { AcceptedTemplate, RefusedTemplate, TemplateEntry } from "../templates/template_entry.ts";
import { MESSAGE_OVERHEAD } from "../templates/template_message.ts";
import { PendingMapping } from "../mapping/pending_mapping.ts";
import type { ChooseTreatment, Peer, Treatment } from "../mapping/treatment.ts";

/** A template that came in. */
interface Arrival {
  readonly source: Template;
  readonly observationDomain: number;
  /** Release that the template gives away. */
  readonly detectedProfile: string | undefined;
}

/** Takes templates in: maps them through the plugins, compiles the mapping, and claims an id and counters. */
export class TemplateIntake {
  constructor(
    readonly shared: SharedState,
    readonly facts: SessionFacts,
    readonly target: Pick<SessionTarget, "chooseTreatment" | "maxMessageLength" | "ids">,
    readonly events: Pick<SessionEvents, "notify">,
  ) {
  }

  /** Not kept: templates are rare, and sessions many. */
  get #exporterAddress(): Uint8Array | undefined {
    const { address } = this.facts;
    return address === undefined ? undefined : parseIPv4(address) ?? parseIPv6(address);
  }

  /**
   * The entry of a template that came in (RFC 7011 §3.4.1, §3.4.2). A refused template has its event; its data is dropped under the
   * same reason:
   *
   * - `template_refused`: its records have no octets
   * - `options_template`: the dialect takes none
   * - `mapping_failed`: a plugin failed, and no earlier mapping of the same layout can stand in; or the mapping does not compile
   * - `everything_stripped`: no field is left, or no scope field of an options template
   * - `template_too_long`: the target's template record exceeds what a message may hold
   * - `limit`: no template id or no memory is left
   *
   * @param previous what stands under the same id: its mapping goes on where a plugin fails for the same layout
   * @throws PendingMapping where a plugin in a process of its own has not answered yet; nothing is taken
   */
  take(source: Template, observationDomain: number, previous: TemplateEntry | undefined): TemplateEntry {
    const detectedProfile = this.shared.detectRelease(source);
    const arrival: Arrival = { source, observationDomain, detectedProfile };
    if (smallestRecordLength(source) === 0) {
      return this.#refuse(arrival, "template_refused", "its records have no octets");
    }
    const treatment = this.target.chooseTreatment(this.#peer(arrival));
    const { dialect } = treatment.profile;
    if (source.scopeFieldCount > 0 && !dialect.optionsTemplates) {
      const message = `the collector's dialect ${dialect.name} takes no options templates`;
      return this.#refuse(arrival, "options_template", message);
    }
    let mapping: TemplateMapping;
    try {
      mapping = this.#map(arrival, treatment);
    } catch (error) {
      if (!(error instanceof ChainError)) throw error;
      const { plugin, message } = error;
      this.events.notify({ event: "plugin_failed", observationDomain, template: source.id, plugin, message });
      if (previous?.kind !== "accepted" || layoutFingerprint(previous.source) !== layoutFingerprint(source)) {
        return this.#refuse(arrival, "mapping_failed", `${plugin}: ${message}`);
      }
      mapping = { ...previous.shared.mapping };
    }
    if (mapping.fields.length === 0 || (source.scopeFieldCount > 0 && mapping.fields[0]?.scope !== true)) {
      return this.#refuse(arrival, "everything_stripped", "the collector knows none of its fields");
    }
    if (smallestRecordLength(targetTemplate(mapping, source.id)) === 0) {
      return this.#refuse(arrival, "everything_stripped", "what the collector knows of it has no octets");
    }
    return this.#accept(arrival, treatment, mapping);
  }

  /**
   * Asks the plugins for the mapping of a template by these treatments, so that {@link take} finds it.
   *
   * @returns resolves when asking again makes sense; undefined: nothing is pending
   */
  prepare(source: Template, observationDomain: number, choose: ChooseTreatment): Promise<void> | undefined {
    const detectedProfile = this.shared.detectRelease(source);
    const arrival: Arrival = { source, observationDomain, detectedProfile };
    try {
      this.#map(arrival, choose(this.#peer(arrival)));
    } catch (error) {
      if (error instanceof PendingMapping) return error.settled;
      if (!(error instanceof ChainError)) throw error;
    }
    return undefined;
  }

  #peer({ observationDomain, detectedProfile }: Arrival): Peer {
    const { address, certificateName } = this.facts;
    return {
      ...(address === undefined ? {} : { address }),
      ...(certificateName === undefined ? {} : { certificateName }),
      observationDomain,
      ...(detectedProfile === undefined ? {} : { detectedProfile }),
    };
  }

  /** Releases what an entry shares with other sessions, except its target id. */
  discard(entry: TemplateEntry): void {
    if (entry.kind === "refused") return;
    const { compiled } = entry.shared;
    release(entry.counters, countersLength(compiled.program));
    this.shared.compiled.release(compiled.key);
  }

  /** Claims the entry's target id (again); false when another layout has it. */
  holdId({ shared }: AcceptedTemplate, observationDomain: number): boolean {
    if (!shared.sharesIds) return true;
    const layout = this.shared.fingerprints.targetLayout(shared.mapping);
    return this.target.ids.take(observationDomain, shared.targetId, layout) === shared.targetId;
  }

  /** Releases the entry's target id. */
  releaseId(entry: TemplateEntry, observationDomain: number): void {
    if (entry.kind === "refused" || !entry.shared.sharesIds) return;
    this.target.ids.release(observationDomain, entry.shared.targetId);
  }

  #refuse(
    { source, observationDomain, detectedProfile }: Arrival,
    reason: DropReason,
    message: string,
  ): RefusedTemplate {
    this.events.notify({ event: "template_refused", observationDomain, template: source.id, reason, message });
    return { kind: "refused", source, reason, message, detectedProfile };
  }

  /** @throws ChainError where a plugin fails, or returns a mapping that does not check */
  #map({ source, detectedProfile }: Arrival, treatment: Treatment): TemplateMapping {
    const length = this.#exporterAddress?.length;
    const exporterFamily = length === 4 ? 4 : length === 16 ? 6 : undefined;
    const facts = { ...(detectedProfile === undefined ? {} : { detectedProfile }), exporterFamily } as const;
    const { compiled, fingerprints } = this.shared;
    const layout = layoutFingerprint(source);
    const question = [fingerprints.treatment(treatment), detectedProfile, exporterFamily, source.id, layout].join("|");
    return compiled.memo.recall(question, () => runChain(source, treatment, facts));
  }

  #accept(arrival: Arrival, treatment: Treatment, own: TemplateMapping): TemplateEntry {
    const { source, observationDomain } = arrival;
    const { dialect } = treatment.profile;
    const { ids } = this.target;
    const { fingerprints, compiled, sharedTemplates } = this.shared;
    const key = this.#programKey(arrival, treatment, own);
    // Sessions with equal mappings hold the same one.
    const mapping = compiled.mapping(key, source.id) ?? own;
    const isShared = sharesIds(dialect);
    const targetId = isShared ? ids.take(observationDomain, source.id, fingerprints.targetLayout(mapping)) : source.id;
    if (targetId === undefined) return this.#refuse(arrival, "limit", NOTHING_LEFT);
    const refuse = (reason: DropReason, message: string): RefusedTemplate => {
      if (isShared) ids.release(observationDomain, targetId);
      return this.#refuse(arrival, reason, message);
    };
    const announcement = sharedTemplates.announcement(mapping, targetId);
    const { maxMessageLength } = this.target;
    if (announcement.length + MESSAGE_OVERHEAD > maxMessageLength) {
      const message = `${announcement.length} octets of template record in messages of ${maxMessageLength}`;
      return refuse("template_too_long", message);
    }
    try {
      const claimed = this.#claimProgram(key, mapping, dialect, observationDomain);
      if (claimed === undefined) return refuse("limit", NOTHING_LEFT);
      const { detectedProfile } = arrival;
      const parts = { mapping, compiled: claimed.compiled, targetId, dialect, detectedProfile, announcement };
      const shared = sharedTemplates.take(parts);
      return { kind: "accepted", source: mapping.source, shared, counters: claimed.counters, records: 0 };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return refuse("mapping_failed", error.message);
    }
  }

  /** Equal keys, equal programs. */
  #programKey({ observationDomain }: Arrival, treatment: Treatment, mapping: TemplateMapping): string {
    const { fingerprints, keepLostValues } = this.shared;
    const usesFacts = mapping.fields.some(({ value }) => value.from === "session");
    return [
      fingerprints.treatment(treatment),
      treatment.profile.dialect.setPadding ? "padding" : "",
      keepLostValues ? "values" : "",
      usesFacts ? `${observationDomain}/${this.#exporterAddress?.join(".")}` : this.#exporterAddress?.length,
      fingerprints.mapping(mapping),
    ].join("|");
  }

  /**
   * The mapping's program, and counters for it that begin at 0.
   *
   * @returns undefined when the rewrite loop's memory is used up
   * @throws RangeError where the mapping cannot be compiled
   */
  #claimProgram(
    key: string,
    mapping: TemplateMapping,
    { setPadding }: Dialect,
    observationDomain: number,
  ): { readonly compiled: CompiledMapping; readonly counters: number } | undefined {
    const facts = { exporterAddress: this.#exporterAddress, observationDomain };
    const compiled = this.shared.compiled.take(key, mapping, facts, setPadding, this.shared.keepLostValues);
    if (compiled === undefined) return undefined;
    const length = countersLength(compiled.program);
    const counters = allocate(length);
    if (counters === 0) {
      this.shared.compiled.release(key);
      return undefined;
    }
    memoryLongs.fill(0n, counters >>> 3, (counters + length) >>> 3);
    return { compiled, counters };
  }
}

const NOTHING_LEFT = "no template id or no memory is left";
