import type { RegistryHistory } from "../../ipfix/registry/registry.ts";
import type { Template } from "../../ipfix/record/template.ts";
import { CompiledMappings } from "../program/compiled_mapping.ts";
import { RecordMapper } from "../references/record_mapper.ts";
import { Fingerprints } from "./shared/fingerprints.ts";
import { firstTemplate } from "./first_template.ts";
import { MediationSession } from "./mediation_session.ts";
import type { SessionFacts, SessionRewriter } from "./session_rewriter.ts";
import type { CollectorKnowledge, MediationLimits, SharedState } from "./shared/shared_state.ts";
import { SharedTemplates } from "./shared/shared_templates.ts";
import { TemplateMemory } from "../templates/template_memory.ts";
import { TemplateWork } from "../templates/template_work.ts";
import { scratch } from "./working_memory.ts";
import { TemplateIdSpace } from "../templates/template_id_space.ts";
import type { ChooseTreatment, FirstTemplate } from "../mapping/chain/treatment.ts";

const DEFAULT_LIMITS: MediationLimits = {
  templatesPerSession: 256,
  templates: 65536,
  templateMemory: 48 * 1024 * 1024,
  observationDomainsPerSession: 256,
};

/** Options shared by all sessions. */
export interface MediatorOptions {
  /** The treatments of sessions whose collector has no {@link Mediator.collector} of its own. */
  readonly chooseTreatment: ChooseTreatment;
  /** Resolves the elements of incoming templates. */
  readonly registryHistory: RegistryHistory;
  /** Detects an exporter's release from one of its templates. */
  readonly detectRelease?: (template: Template) => string | undefined;
  readonly limits?: Partial<MediationLimits>;
  /** Whether to keep the last lost value of each element ({@link Counters.lostValues}). Default: false. */
  readonly keepLostValues?: boolean;
  /**
   * Number of messages after which a mapping gets a generated function that walks its records; 0: at once. Default:
   * 1024.
   */
  readonly messagesBeforeWalkFunction?: number;
}

/**
 * Opens sessions and holds what they share: compiled programs and caps, and for each collector the treatments and the
 * template ids per observation domain.
 */
export class Mediator {
  readonly #shared: SharedState;

  constructor(readonly options: MediatorOptions) {
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#shared = {
      chooseTreatment: options.chooseTreatment,
      registryHistory: options.registryHistory,
      detectRelease: options.detectRelease ?? (() => undefined),
      limits,
      keepLostValues: options.keepLostValues ?? false,
      compiled: new CompiledMappings(options.messagesBeforeWalkFunction),
      ids: new TemplateIdSpace(),
      announcers: new Map(),
      templates: 0,
      templateMemory: new TemplateMemory(limits.templateMemory),
      templateWork: new TemplateWork(),
      reportedKinds: { count: 0 },
      fingerprints: new Fingerprints(),
      sharedTemplates: new SharedTemplates(),
      recordMapper: new RecordMapper(scratch, options.registryHistory.resolve.bind(options.registryHistory)),
    };
  }

  /**
   * Sets the treatments and limits to use from now on; omitted treatments stay the same. Existing sessions keep the
   * previous treatments until {@link SessionRewriter.remap} or {@link SessionRewriter.renew} is called. Limits apply to
   * all sessions at once but remove nothing that was already accepted.
   */
  reconfigure(
    { chooseTreatment = this.#shared.chooseTreatment, limits, keepLostValues = false }: Partial<
      Pick<MediatorOptions, "chooseTreatment" | "limits" | "keepLostValues">
    >,
  ): void {
    this.treat(chooseTreatment);
    this.#shared.limits = { ...DEFAULT_LIMITS, ...limits };
    this.#shared.templateMemory.limit = this.#shared.limits.templateMemory;
    this.#shared.keepLostValues = keepLostValues;
  }

  /** Returns what the sessions to another collector share, to be given to them as {@link CollectorFacts.knowledge}. */
  collector(chooseTreatment: ChooseTreatment = this.#shared.chooseTreatment): CollectorKnowledge {
    return { chooseTreatment, ids: new TemplateIdSpace(), announcers: new Map() };
  }

  /** Sets the treatments, as {@link reconfigure} does, and changes nothing else. */
  treat(chooseTreatment: ChooseTreatment, collector: CollectorKnowledge = this.#shared): void {
    collector.chooseTreatment = chooseTreatment;
    this.#shared.compiled.memo.clear();
  }

  /**
   * Begins a new epoch: the collector's process was replaced and knows no templates, so all ids are free again.
   * Existing sessions keep their ids until they begin a transport session to the new process ({@link
   * SessionRewriter.restart}, {@link SessionRewriter.renew}).
   */
  beginEpoch(collector: CollectorKnowledge = this.#shared): void {
    collector.ids = new TemplateIdSpace();
  }

  /**
   * Returns what the first template of a whole message gives away; undefined if it has none, "malformed" if it cannot
   * be read.
   */
  firstTemplate(message: Uint8Array): FirstTemplate | "malformed" | undefined {
    return firstTemplate(message, this.#shared);
  }

  /**
   * Ends the session whose templates take most memory, because the process takes too much.
   *
   * @param least octets that they must take
   * @returns the octets that become free; 0: there is no such session
   */
  relieve(least: number): number {
    return this.#shared.templateMemory.relieve(least);
  }

  /** @throws RangeError if the rewrite loop's memory is exhausted */
  open(facts: SessionFacts): SessionRewriter {
    return new MediationSession(this.#shared, facts);
  }
}
