import type { RegistryHistory } from "../../../ipfix/registry/registry.ts";
import type { Template } from "../../../ipfix/record/template.ts";
import type { ChooseTreatment } from "../../mapping/chain/treatment.ts";
import type { CompiledMappings } from "../../program/compiled_mapping.ts";
import type { RecordMapper } from "../../references/record_mapper.ts";
import type { announcementKey } from "../../templates/announcements.ts";
import type { TemplateEntry } from "../../templates/template_entry.ts";
import type { TemplateMemory } from "../../templates/template_memory.ts";
import type { TemplateWork } from "../../templates/template_work.ts";
import type { TemplateIdSpace } from "../../templates/template_id_space.ts";
import type { Fingerprints } from "./fingerprints.ts";
import type { ReportedKinds } from "../session_events.ts";
import type { SharedTemplates } from "./shared_templates.ts";

/** Caps that hold whatever exporters send. */
export interface MediationLimits {
  readonly templatesPerSession: number;
  /** Over all sessions. */
  readonly templates: number;
  /** Octets that all templates of all sessions may take; see {@link TemplateMemory}. */
  readonly templateMemory: number;
  readonly observationDomainsPerSession: number;
}

/** A session's templates, as other sessions see them. */
export interface TemplateHolder {
  find(observationDomain: number, template: number): TemplateEntry | undefined;
}

/** What the sessions to one collector share. */
export interface CollectorKnowledge {
  chooseTreatment: ChooseTreatment;
  /** Of the collector's present epoch; see {@link Mediator.beginEpoch}. */
  ids: TemplateIdSpace;
  /** The session that was last to announce a template, by observation domain and id, where scopes are only assumed. */
  readonly announcers: Map<ReturnType<typeof announcementKey>, TemplateHolder>;
}

/** What the sessions of one mediator share; of their collectors, it is the one that most sessions have. */
export interface SharedState extends CollectorKnowledge {
  readonly registryHistory: RegistryHistory;
  readonly detectRelease: (template: Template) => string | undefined;
  limits: MediationLimits;
  keepLostValues: boolean;
  readonly compiled: CompiledMappings;
  /** Templates that all sessions hold together. */
  templates: number;
  readonly templateMemory: TemplateMemory;
  readonly templateWork: TemplateWork;
  readonly reportedKinds: ReportedKinds;
  readonly fingerprints: Fingerprints;
  readonly sharedTemplates: SharedTemplates;
  /** Keeps nothing of a record once that is mapped, so that one serves all sessions. */
  readonly recordMapper: RecordMapper;
}
