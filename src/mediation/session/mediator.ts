import type { RegistryHistory } from "../../ipfix/registry.ts";
import type { Template } from "../../ipfix/template.ts";
import { CompiledMappings } from "../program/compiled_mapping.ts";
import { RecordMapper } from "../references/record_mapper.ts";
import { Fingerprints } from "./fingerprints.ts";
import { MediationSession } from "./mediation_session.ts";
import type { SessionFacts, SessionRewriter } from "./session_rewriter.ts";
import type { MediationLimits, SharedState } from "./shared_state.ts";
import { SharedTemplates } from "./shared_templates.ts";
import { scratch } from "./working_memory.ts";
import { TemplateIdSpace } from "../templates/template_id_space.ts";
import type { ChooseTreatment } from "../mapping/treatment.ts";

const DEFAULT_LIMITS: MediationLimits = {
  templatesPerSession: 256,
  templates: 65536,
  fieldsPerSession: 32768,
  fields: 1_048_576,
  observationDomainsPerSession: 256,
};

/** What all sessions to one collector have in common. */
export interface MediatorOptions {
  readonly chooseTreatment: ChooseTreatment;
  /** Reads the elements of templates that come in. */
  readonly registryHistory: RegistryHistory;
  /** Reads an exporter's release off its template. */
  readonly detectRelease?: (template: Template) => string | undefined;
  readonly limits?: Partial<MediationLimits>;
  /** Whether the last value that was lost of each element is kept ({@link Counters.lostValues}); false where it is missing. */
  readonly keepLostValues?: boolean;
  /** Messages that make a mapping worth a function that walks its records: 1024 where it is missing; 0: it gets one at once. */
  readonly messagesBeforeWalkFunction?: number;
}

/** Opens sessions to one collector and keeps what they share: template ids per observation domain, compiled programs, caps. */
export class Mediator {
  readonly #shared: SharedState;

  constructor(readonly options: MediatorOptions) {
    this.#shared = {
      chooseTreatment: options.chooseTreatment,
      registryHistory: options.registryHistory,
      detectRelease: options.detectRelease ?? (() => undefined),
      limits: { ...DEFAULT_LIMITS, ...options.limits },
      keepLostValues: options.keepLostValues ?? false,
      compiled: new CompiledMappings(options.messagesBeforeWalkFunction),
      ids: new TemplateIdSpace(),
      announcers: new Map(),
      templates: 0,
      fields: 0,
      fingerprints: new Fingerprints(),
      sharedTemplates: new SharedTemplates(),
      recordMapper: new RecordMapper(scratch, options.registryHistory.resolve.bind(options.registryHistory)),
    };
  }

  /**
   * Goes by other treatments and limits from now on; by the treatments before where they are missing. Sessions that stand go by the treatments before until they are told to
   * ({@link SessionRewriter.remap}, {@link SessionRewriter.renew}); limits hold for all at once, and put out nothing that stands.
   */
  reconfigure(
    { chooseTreatment = this.#shared.chooseTreatment, limits, keepLostValues = false }: Partial<
      Pick<MediatorOptions, "chooseTreatment" | "limits" | "keepLostValues">
    >,
  ): void {
    this.treat(chooseTreatment);
    this.#shared.limits = { ...DEFAULT_LIMITS, ...limits };
    this.#shared.keepLostValues = keepLostValues;
  }

  /** Goes by other treatments from now on, as {@link reconfigure} does; all else stays. */
  treat(chooseTreatment: ChooseTreatment): void {
    this.#shared.chooseTreatment = chooseTreatment;
    this.#shared.compiled.memo.clear();
  }

  /**
   * The collector's process is another one, which knows no template: ids are free again. Sessions go on with those that they have
   * until they begin a transport session to it ({@link SessionRewriter.restart}, {@link SessionRewriter.renew}).
   */
  beginEpoch(): void {
    this.#shared.ids = new TemplateIdSpace();
  }

  /** @throws RangeError when the rewrite loop's memory is used up */
  open(facts: SessionFacts): SessionRewriter {
    return new MediationSession(this.#shared, facts);
  }
}
