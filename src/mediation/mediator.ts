import type { SessionFacts, SessionRewriter } from "./session_rewriter.ts";
import type { ChooseTreatment } from "./treatment.ts";
import type { RegistryHistory } from "../ipfix/registry.ts";
import type { Template } from "../ipfix/template.ts";

/** Caps that hold whatever exporters send. */
export interface MediationLimits {
  readonly templatesPerSession: number;
  /** Over all sessions. */
  readonly templates: number;
  readonly observationDomainsPerSession: number;
}

/** What all sessions to one collector have in common. */
export interface MediatorOptions {
  readonly chooseTreatment: ChooseTreatment;
  /** Reads the elements of templates that come in. */
  readonly registryHistory: RegistryHistory;
  /** Reads an exporter's release off its template. */
  readonly detectRelease?: (template: Template) => string | undefined;
  readonly limits?: Partial<MediationLimits>;
}

/** Opens sessions to one collector and keeps what they share: template ids per observation domain, compiled programs, caps. */
export class Mediator {
  constructor(readonly options: MediatorOptions) {}

  open(_facts: SessionFacts): SessionRewriter {
    throw new Error("not built yet");
  }
}
