import { parseIPv4, parseIPv6 } from "../../../ipfix/types/address.ts";
import { smallestRecordLength, type Template } from "../../../ipfix/record/template.ts";
import type { CompiledMapping } from "../../program/compiled_mapping.ts";
import type { DropReason } from "../../templates/event.ts";
import { ChainError, chainSteps } from "../../mapping/chain/mapping_chain.ts";
import { layoutFingerprint } from "../shared/fingerprints.ts";
import { StoredTemplate, storedTemplate } from "../../templates/stored_template.ts";
import type { SharedState } from "../shared/shared_state.ts";
import { sharesIds } from "../shared/shared_templates.ts";
import { allocate, memoryLongs, release } from "../../program/loop/memory.ts";
import { compileSteps } from "../../program/mapping_compiler.ts";
import { countersLength, type RewriteProgram } from "../../program/rewrite_program.ts";
import type { SessionEvents } from "../session_events.ts";
import type { SessionFacts } from "../session_rewriter.ts";
import type { SessionTarget } from "../session_target.ts";
import { targetTemplate, type TemplateMapping } from "../../mapping/template_mapping.ts";
import type { AcceptedTemplate, RefusedTemplate, TemplateEntry } from "../../templates/template_entry.ts";
import { MESSAGE_OVERHEAD } from "../../templates/template_message.ts";
import { complete, endStep, type Steps } from "../../mapping/chain/steps.ts";
import type { ChooseTreatment, Peer, Treatment } from "../../mapping/chain/treatment.ts";

/** A template that came in. */
interface Arrival {
  readonly source: Template;
  readonly observationDomain: number;
  /** Release that the template gives away. */
  readonly detectedProfile: string | undefined;
}

/** A template that is mapped and compiled. */
interface MappedTemplate {
  readonly arrival: Arrival;
  readonly treatment: Treatment;
  readonly mapping: TemplateMapping;
  /** Under which its program is shared. */
  readonly key: string;
  /** Undefined if it was shared already; an error if the mapping cannot be compiled. */
  readonly program: RewriteProgram | RangeError | undefined;
  /** A plugin's failure, in spite of which there is a mapping. */
  readonly failure: ChainError | undefined;
}

/** What {@link TemplateIntake.prepare} has made of a template. */
export type PreparedTemplate = MappedTemplate | {
  readonly arrival: Arrival;
  readonly refusal: { readonly reason: DropReason; readonly message: string };
  readonly failure: ChainError | undefined;
};

/** Takes templates in: maps them through the plugins, compiles the mapping, and claims an id and counters. */
export class TemplateIntake {
  constructor(
    readonly shared: SharedState,
    readonly facts: SessionFacts,
    readonly target: Pick<SessionTarget, "chooseTreatment" | "maxMessageLength" | "ids" | "announcers" | "decidedBy">,
    readonly events: Pick<SessionEvents, "notify">,
  ) {
  }

  /** Not kept: templates are rare, and sessions many. */
  get #exporterAddress(): Uint8Array | undefined {
    const { address } = this.facts;
    return address === undefined ? undefined : parseIPv4(address) ?? parseIPv6(address);
  }

  /**
   * The entry of a template that came in (RFC 7011 §3.4.1, §3.4.2). A refused template has its event; its data is
   * dropped under the same reason:
   *
   * - `template_refused`: its records have no octets
   * - `options_template`: the dialect takes none
   * - `mapping_failed`: a plugin failed, and no earlier mapping of the same layout can stand in; or the mapping does
   *   not compile
   * - `everything_stripped`: no field is left, or no scope field of an options template
   * - `template_too_long`: the target's template record exceeds what a message may hold
   * - `limit`: no template id or no memory is left
   *
   * @param previous what stands under the same id: its mapping goes on where a plugin fails for the same layout
   * @throws PendingMapping where a plugin in a process of its own has not answered yet; nothing is taken
   */
  take(source: Template, observationDomain: number, previous: TemplateEntry | undefined): TemplateEntry {
    return this.accept(complete(this.prepare(source, observationDomain, previous, this.target.chooseTreatment)));
  }

  /**
   * Maps and compiles a template, in steps, without taking an id or memory for it or reporting it: {@link accept} does
   * that. Parameters and errors as for {@link take}.
   */
  *prepare(
    template: Template,
    observationDomain: number,
    previous: TemplateEntry | undefined,
    choose: ChooseTreatment,
  ): Steps<PreparedTemplate> {
    const source = template instanceof StoredTemplate ? template.decode() : template;
    const detectedProfile = this.shared.detectRelease(source);
    const arrival: Arrival = { source, observationDomain, detectedProfile };
    const refused = (reason: DropReason, message: string, failure?: ChainError) => ({
      arrival,
      refusal: { reason, message },
      failure,
    });
    if (smallestRecordLength(source) === 0) return refused("template_refused", "its records have no octets");
    const treatment = choose(this.#peer(arrival));
    const { dialect } = treatment.profile;
    if (source.scopeFieldCount > 0 && !dialect.optionsTemplates) {
      return refused("options_template", `the collector's dialect ${dialect.name} takes no options templates`);
    }
    let mapping: TemplateMapping;
    let failure: ChainError | undefined;
    try {
      mapping = yield* this.#map(arrival, treatment);
    } catch (error) {
      if (!(error instanceof ChainError)) throw error;
      failure = error;
      if (previous?.kind !== "accepted" || layoutFingerprint(previous.source) !== layoutFingerprint(source)) {
        return refused("mapping_failed", `${error.plugin}: ${error.message}`, failure);
      }
      mapping = { ...previous.shared.mapping };
    }
    if (mapping.fields.length === 0 || (source.scopeFieldCount > 0 && mapping.fields[0]?.scope !== true)) {
      return refused("everything_stripped", "the collector knows none of its fields", failure);
    }
    if (smallestRecordLength(targetTemplate(mapping, source.id)) === 0) {
      return refused("everything_stripped", "what the collector knows of it has no octets", failure);
    }
    yield* endStep(source.fields.length);
    const key = this.#programKey(arrival, treatment, mapping);
    const { compiled } = this.shared;
    if (compiled.has(key)) return { arrival, treatment, mapping, key, program: undefined, failure };
    yield* endStep(source.fields.length);
    return { arrival, treatment, mapping, key, program: yield* this.#compile(arrival, treatment, mapping), failure };
  }

  /** The entry of a template that was prepared. */
  accept(prepared: PreparedTemplate): TemplateEntry {
    const { arrival: { source, observationDomain }, failure } = prepared;
    if (failure !== undefined) {
      const { plugin, message } = failure;
      this.events.notify({ event: "plugin_failed", observationDomain, template: source.id, plugin, message });
    }
    if (!("refusal" in prepared)) return this.#accept(prepared);
    return this.#refuse(prepared.arrival, prepared.refusal.reason, prepared.refusal.message);
  }

  #peer({ observationDomain, detectedProfile }: Arrival): Peer {
    const { facts: { address, certificateName }, target: { decidedBy } } = this;
    return {
      ...(address === undefined ? {} : { address }),
      ...(certificateName === undefined ? {} : { certificateName }),
      observationDomain,
      ...(detectedProfile === undefined ? {} : { detectedProfile }),
      ...(decidedBy === undefined ? {} : { decidedBy }),
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
    const { registryHistory } = this.shared;
    const kept = storedTemplate(source, (...specifier) => registryHistory.resolve(...specifier));
    return { kind: "refused", source: kept, reason, message, detectedProfile };
  }

  /** @throws ChainError where a plugin fails, or returns a mapping that does not check */
  *#map({ source, detectedProfile }: Arrival, treatment: Treatment): Steps<TemplateMapping> {
    const length = this.#exporterAddress?.length;
    const exporterFamily = length === 4 ? 4 : length === 16 ? 6 : undefined;
    const facts = { ...(detectedProfile === undefined ? {} : { detectedProfile }), exporterFamily } as const;
    const { compiled, fingerprints } = this.shared;
    if (!compiled.memo.remembers(source.fields.length)) {
      yield* endStep(source.fields.length);
      return yield* chainSteps(source, treatment, facts);
    }
    const layout = layoutFingerprint(source);
    const question = [fingerprints.treatment(treatment), detectedProfile, exporterFamily, source.id, layout].join("|");
    const known = compiled.memo.recall(question);
    if (known !== undefined) return known;
    const mapping = yield* chainSteps(source, treatment, facts);
    compiled.memo.remember(question, mapping);
    return mapping;
  }

  #accept({ arrival, treatment, mapping: own, key, program }: MappedTemplate): TemplateEntry {
    const { source, observationDomain } = arrival;
    const { dialect } = treatment.profile;
    const { ids } = this.target;
    const { fingerprints, compiled, sharedTemplates } = this.shared;
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
      const message =
        `a template record of ${announcement.length} octets does not fit a message of ${maxMessageLength}`;
      return refuse("template_too_long", message);
    }
    // Another session may have had it when this one was prepared, and not any more.
    const ready = program ?? (compiled.has(key) ? undefined : complete(this.#compile(arrival, treatment, mapping)));
    if (ready instanceof RangeError) return refuse("mapping_failed", ready.message);
    const claimed = this.#claimProgram(key, mapping, ready);
    if (claimed === undefined) return refuse("limit", NOTHING_LEFT);
    const { detectedProfile } = arrival;
    const parts = { mapping, compiled: claimed.compiled, targetId, dialect, detectedProfile, announcement };
    const shared = sharedTemplates.take(parts);
    return { kind: "accepted", source: mapping.source, shared, counters: claimed.counters, records: 0 };
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

  /** The mapping's program, or why it has none. */
  *#compile(
    { observationDomain }: Arrival,
    { profile: { dialect: { setPadding } } }: Treatment,
    mapping: TemplateMapping,
  ): Steps<RewriteProgram | RangeError> {
    const facts = { exporterAddress: this.#exporterAddress, observationDomain };
    try {
      return yield* compileSteps(mapping, facts, setPadding, this.shared.keepLostValues);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return error;
    }
  }

  /**
   * The mapping's program, and counters for it that begin at 0.
   *
   * @param program undefined if it is shared already
   * @returns undefined when the rewrite loop's memory is used up
   */
  #claimProgram(
    key: string,
    mapping: TemplateMapping,
    program: RewriteProgram | undefined,
  ): { readonly compiled: CompiledMapping; readonly counters: number } | undefined {
    const compiled = this.shared.compiled.take(key, mapping, program);
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
