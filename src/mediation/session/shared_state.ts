import type { RegistryHistory } from "../../ipfix/registry.ts";
import type { Template } from "../../ipfix/template.ts";
import type { ChooseTreatment, Treatment } from "../mapping/treatment.ts";
import type { CompiledMappings } from "../program/compiled_mapping.ts";
import type { TemplateIdSpace } from "../templates/template_id_space.ts";

/** Caps that hold whatever exporters send. */
export interface MediationLimits {
  readonly templatesPerSession: number;
  /** Over all sessions. */
  readonly templates: number;
  /** Field specifiers in all templates of a session: it is they that take memory, and one template may have 16,383. */
  readonly fieldsPerSession: number;
  /** Over all sessions. */
  readonly fields: number;
  readonly observationDomainsPerSession: number;
}

/** What the sessions of one mediator share. */
export interface SharedState {
  chooseTreatment: ChooseTreatment;
  readonly registryHistory: RegistryHistory;
  readonly detectRelease: (template: Template) => string | undefined;
  limits: MediationLimits;
  keepLostValues: boolean;
  readonly compiled: CompiledMappings;
  readonly ids: TemplateIdSpace;
  /** Templates that all sessions hold together. */
  templates: number;
  /** Their field specifiers. */
  fields: number;
  /** A number for each treatment, to tell them apart. */
  numberOf(treatment: Treatment): number;
}
