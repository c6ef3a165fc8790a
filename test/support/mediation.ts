/**
 * A small world for unit tests: a dozen elements, a registry of them, and profiles over it.
 *
 * @module
 */
import { type AbstractDataType, naturalLength, VARIABLE_LENGTH } from "../../src/ipfix/types/abstract_data_type.ts";
import { type InformationElement, unknownElement } from "../../src/ipfix/registry/information_element.ts";
import type { Registry, RegistryHistory } from "../../src/ipfix/registry/registry.ts";
import type { FieldSpecifier, Template } from "../../src/ipfix/record/template.ts";
import { CompiledMappings } from "../../src/mediation/program/compiled_mapping.ts";
import { RecordMapper } from "../../src/mediation/references/record_mapper.ts";
import { Fingerprints } from "../../src/mediation/session/shared/fingerprints.ts";
import { SharedTemplates } from "../../src/mediation/session/shared/shared_templates.ts";
import { scratch } from "../../src/mediation/session/working_memory.ts";
import { type Dialect, GO_IPFIX, RFC7011 } from "../../src/mediation/mapping/profile/dialect.ts";
import type { Profile } from "../../src/mediation/mapping/profile/profile.ts";
import { TemplateMemory } from "../../src/mediation/templates/template_memory.ts";
import { TemplateWork } from "../../src/mediation/templates/template_work.ts";
import { OctetReader } from "../../src/ipfix/octets/octet_reader.ts";
import { encodeTemplateRecord, templateRecordPlaces } from "../../src/ipfix/record/template_record.ts";
import { type AnnouncedTemplate, TemplateInMessage } from "../../src/mediation/session/intake/announced_template.ts";
import { TemplateIdSpace } from "../../src/mediation/templates/template_id_space.ts";
import type { MappedField } from "../../src/mediation/mapping/template_mapping.ts";
import type { Peer, Treatment } from "../../src/mediation/mapping/chain/treatment.ts";

const ELEMENTS: Readonly<Record<string, [id: number, type: AbstractDataType]>> = {
  octetDeltaCount: [1, "unsigned64"],
  protocolIdentifier: [4, "unsigned8"],
  sourceTransportPort: [7, "unsigned16"],
  sourceIPv4Address: [8, "ipv4Address"],
  sourceIPv6Address: [27, "ipv6Address"],
  interfaceName: [82, "string"],
  flowStartSeconds: [150, "dateTimeSeconds"],
  flowStartMilliseconds: [152, "dateTimeMilliseconds"],
  flowStartMicroseconds: [154, "dateTimeMicroseconds"],
  dataRecordsReliability: [276, "boolean"],
  subTemplateList: [292, "subTemplateList"],
  samplingProbability: [311, "float64"],
  userName: [371, "string"],
  mibObjectValueInteger: [434, "signed32"],
};

/** The element of this name. @throws Error where there is none here */
export function element(name: string): InformationElement {
  const row = ELEMENTS[name];
  if (row === undefined) throw new Error(`no such element here: ${name}`);
  const [id, type] = row;
  return { pen: 0, id, name, type, length: naturalLength(type), known: true, enterpriseBit: false };
}

/** The registry of all elements here, but for those named. */
export function registryWithout(...names: readonly string[]): Registry {
  const elements = Object.keys(ELEMENTS).filter((name) => !names.includes(name)).map(element);
  return {
    name: "test",
    lookup: (pen, id) => elements.find((known) => known.pen === pen && known.id === id),
    byName: (name) => elements.find((known) => known.name === name),
    elements: () => elements,
  };
}

/** Reads every element that is here. */
export const registryHistory: RegistryHistory = {
  newest: registryWithout(),
  at: () => registryWithout(),
  resolve: (pen, id, _length, bit) =>
    (bit ? undefined : registryWithout().lookup(pen, id)) ?? unknownElement(pen, id, bit),
};

/** A field of the element called so; in its own length, where no other is given. */
export function field(name: string, length?: number): FieldSpecifier {
  const known = name.includes("/")
    ? unknownElement(Number(name.split("/")[0]), Number(name.split("/")[1]))
    : element(name);
  return { element: known, length: length ?? known.length };
}

/** A template of these fields, options template where there is a scope. */
export function template(id: number, fields: readonly (FieldSpecifier | string)[], scopeFieldCount = 0): Template {
  return { id, fields: fields.map((each) => typeof each === "string" ? field(each) : each), scopeFieldCount };
}

/** A mapped field that takes its value from the record as it is. */
export function fromRecord(
  target: FieldSpecifier | string,
  index: number,
  more: Partial<MappedField> = {},
): MappedField {
  return { target: typeof target === "string" ? field(target) : target, value: { from: "record", index }, ...more };
}

/** A mapped field of these octets. */
export function constant(target: FieldSpecifier | string, ...octets: readonly number[]): MappedField {
  return {
    target: typeof target === "string" ? field(target) : target,
    value: { from: "constant", octets: Uint8Array.from(octets) },
  };
}

/** A collector of this dialect that knows the elements here, and expects no list. */
export function profileOf(dialect: Dialect, more: Partial<Profile> = {}): Profile {
  return {
    name: "test",
    dialect,
    registry: registryWithout(),
    acceptsUnknownElements: dialect === RFC7011,
    templates: [],
    renames: [],
    ...more,
  };
}

/** What the sessions of a mediator share, with caps that these tests can reach. */
export function sharedState(treatment: Treatment) {
  return {
    chooseTreatment: (_peer: Peer): Treatment => treatment,
    registryHistory,
    detectRelease: (_template: Template): string | undefined => undefined,
    limits: {
      templatesPerSession: 3,
      templates: 5,
      observationDomainsPerSession: 2,
      templateMemory: 128 * 1024,
    },
    compiled: new CompiledMappings(),
    keepLostValues: false,
    ids: new TemplateIdSpace(),
    announcers: new Map(),
    templates: 0,
    templateMemory: new TemplateMemory(128 * 1024),
    templateWork: new TemplateWork(),
    reportedKinds: { count: 0 },
    fingerprints: new Fingerprints(),
    sharedTemplates: new SharedTemplates(),
    recordMapper: new RecordMapper(scratch, registryHistory.resolve),
  };
}

/** The collector of a session, as its template intake sees it. */
export function targetOf(
  { chooseTreatment, ids, announcers }: ReturnType<typeof sharedState>,
  maxMessageLength: number,
) {
  return { chooseTreatment, ids, announcers, maxMessageLength, decidedBy: undefined };
}

export { GO_IPFIX, RFC7011, VARIABLE_LENGTH };

/** A template in a message that is being read. */
export function announced(template: Template): AnnouncedTemplate {
  const octets = encodeTemplateRecord(template);
  const kind = template.scopeFieldCount > 0 ? "options-template" : "template";
  const [place] = templateRecordPlaces(new OctetReader(octets), kind);
  if (place === undefined) throw new Error("it has no record");
  return new TemplateInMessage({ octets, start: 0, address: 0 }, 0, place, registryHistory);
}
