import fc from "fast-check";
import { type AbstractDataType, naturalLength, VARIABLE_LENGTH } from "../../src/ipfix/types/abstract_data_type.ts";
import { type InformationElement, unknownElement } from "../../src/ipfix/registry/information_element.ts";
import type { Registry } from "../../src/ipfix/registry/registry.ts";
import type { FieldSpecifier, Template } from "../../src/ipfix/record/template.ts";
import { GO_IPFIX_LEGACY, RFC7011 } from "../../src/mediation/mapping/profile/dialect.ts";
import type { PluginContext } from "../../src/mediation/mapping/plugin.ts";
import { type Profile, selectTemplate } from "../../src/mediation/mapping/profile/profile.ts";
import type { TemplateMapping } from "../../src/mediation/mapping/template_mapping.ts";

/** Real elements of all kinds: PEN, id, type, and the length where the type alone does not give it. */
const ELEMENTS: Readonly<Record<string, [pen: number, id: number, type: AbstractDataType, length?: number]>> = {
  octetDeltaCount: [0, 1, "unsigned64"],
  packetDeltaCount: [0, 2, "unsigned64"],
  protocolIdentifier: [0, 4, "unsigned8"],
  sourceTransportPort: [0, 7, "unsigned16"],
  sourceIPv4Address: [0, 8, "ipv4Address"],
  destinationIPv4Address: [0, 12, "ipv4Address"],
  sourceIPv6Address: [0, 27, "ipv6Address"],
  destinationIPv6Address: [0, 28, "ipv6Address"],
  sourceMacAddress: [0, 56, "macAddress"],
  interfaceName: [0, 82, "string"],
  forwardingStatus: [0, 89, "unsigned32"],
  flowEndReason: [0, 136, "unsigned8"],
  flowStartSeconds: [0, 150, "dateTimeSeconds"],
  flowStartMilliseconds: [0, 152, "dateTimeMilliseconds"],
  flowStartMicroseconds: [0, 154, "dateTimeMicroseconds"],
  flowStartNanoseconds: [0, 156, "dateTimeNanoseconds"],
  dataRecordsReliability: [0, 276, "boolean"],
  basicList: [0, 291, "basicList"],
  subTemplateList: [0, 292, "subTemplateList"],
  samplingProbability: [0, 311, "float64"],
  originalExporterIPv4Address: [0, 403, "ipv4Address"],
  originalExporterIPv6Address: [0, 404, "ipv6Address"],
  originalObservationDomainId: [0, 405, "unsigned32"],
  mibObjectValueInteger: [0, 434, "signed32"],
  reversePacketDeltaCount: [29305, 2, "unsigned64"],
  sourcePodName: [56506, 101, "string"],
  destinationClusterIPv4: [56506, 106, "ipv4Address"],
  destinationClusterIPv6: [56506, 107, "ipv6Address"],
  tcpState: [56506, 136, "string"],
  flowType: [56506, 137, "unsigned8"],
  egressName: [56506, 153, "string"],
  appProtocolName: [56506, 155, "string"],
  egressNodeName: [56506, 157, "string"],
  sourcePodUUID: [56506, 159, "octetArray", 16],
  destinationServiceIPv4: [56506, 168, "ipv4Address"],
  destinationServiceIPv6: [56506, 169, "ipv6Address"],
};

/** The element of this name, as the newest release has it. */
export function element(name: string): InformationElement {
  const row = ELEMENTS[name];
  if (row === undefined) throw new Error(`no such element here: ${name}`);
  const [pen, id, type, length = naturalLength(type)] = row;
  return { pen, id, name, type, length, known: true, enterpriseBit: pen !== 0 };
}

/** What forwardingStatus was up to go-ipfix v0.15. */
export const OLD_FORWARDING_STATUS: InformationElement = {
  ...element("forwardingStatus"),
  type: "unsigned8",
  length: 1,
};

/** A field of this element, in the registry's length or another. */
export function field(name: string, length = element(name).length): FieldSpecifier {
  return { element: element(name), length };
}

/** A template of these fields (names: in the registry's length). */
export function template(fields: readonly (string | FieldSpecifier)[], scopeFieldCount = 0): Template {
  return { id: 256, fields: fields.map((each) => typeof each === "string" ? field(each) : each), scopeFieldCount };
}

/** A registry of these elements. */
export function registry(...elements: readonly InformationElement[]): Registry {
  return {
    name: "test",
    lookup: (pen, id) => elements.find((each) => each.pen === pen && each.id === id),
    byName: (name) => elements.find((each) => each.name === name),
    elements: () => elements,
  };
}

const EVERYTHING = registry(...Object.keys(ELEMENTS).map(element));
const LATER = [
  "appProtocolName",
  "egressNodeName",
  "sourcePodUUID",
  "destinationServiceIPv4",
  "destinationServiceIPv6",
];
const COMMON = ["reversePacketDeltaCount", "sourcePodName", "tcpState", "egressName"];

function list(family: "IPv4" | "IPv6", common: readonly string[], last: string): Profile["templates"][number] {
  const names = ["flowStartSeconds", "forwardingStatus", `source${family}Address`, `destination${family}Address`];
  const fields = [...names, "packetDeltaCount", "protocolIdentifier", ...common, `${last}${family}`].map((name) =>
    field(name)
  );
  return { name: family, selectedBy: [element(`source${family}Address`)], fields };
}

/** A collector of go-ipfix v0.9's kind: an older list, fewer elements, registry lengths, undecodable types. */
export const OLD_COLLECTOR: Profile = {
  name: "old",
  dialect: GO_IPFIX_LEGACY,
  registry: registry(
    ...Object.keys(ELEMENTS).filter((name) => !LATER.includes(name) && name !== "forwardingStatus").map(element),
    OLD_FORWARDING_STATUS,
  ),
  acceptsUnknownElements: false,
  templates: (["IPv4", "IPv6"] as const).map((family) => {
    const { fields, ...rest } = list(family, COMMON, "destinationCluster");
    return {
      ...rest,
      fields: fields.map((each) =>
        each.element.name === "forwardingStatus" ? { element: OLD_FORWARDING_STATUS, length: 1 } : each
      ),
    };
  }),
  renames: [
    { from: element("destinationServiceIPv4"), to: element("destinationClusterIPv4") },
    { from: element("destinationServiceIPv6"), to: element("destinationClusterIPv6") },
  ],
  vocabulary: EVERYTHING,
};

/** A newer collector without a fragile decoder: any length that a type may have. */
export const NEW_COLLECTOR: Profile = {
  name: "new",
  dialect: RFC7011,
  registry: EVERYTHING,
  acceptsUnknownElements: false,
  templates: (["IPv4", "IPv6"] as const).map((family) =>
    list(family, [...COMMON, "appProtocolName", "egressNodeName", "dataRecordsReliability"], "destinationService")
  ),
  renames: [],
};

/** A collector without limits, which keeps every template as it is. */
export const ANY_COLLECTOR: Profile = {
  name: "rfc7011",
  dialect: RFC7011,
  registry: EVERYTHING,
  acceptsUnknownElements: true,
  templates: [],
  renames: [],
};

/** What a plugin is told of this template. */
export function contextOf(profile: Profile, source: Template, exporterFamily: 4 | 6 | undefined = 4): PluginContext {
  const expected = selectTemplate(profile, source);
  return { profile, ...(expected === undefined ? {} : { expected }), exporterFamily };
}

/** The target's elements by name, in order. */
export function names(mapping: TemplateMapping): string[] {
  return mapping.fields.map(({ target }) => target.element.name);
}

/** The same object, in which any change throws from now on. */
export function frozen<Value>(value: Value): Value {
  if (typeof value === "object" && value !== null && !ArrayBuffer.isView(value) && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(frozen);
  }
  return value;
}

const LENGTHS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 17, VARIABLE_LENGTH];

const anyField: fc.Arbitrary<FieldSpecifier> = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...Object.keys(ELEMENTS)).map((name) => field(name)) },
  {
    weight: 4,
    arbitrary: fc.record({
      element: fc.constantFrom(...Object.keys(ELEMENTS)).map(element),
      length: fc.constantFrom(...LENGTHS),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      element: fc.constantFrom(unknownElement(0, 999), unknownElement(4711, 8), unknownElement(0, 8, true)),
      length: fc.constantFrom(...LENGTHS),
    }),
  },
);

/** Templates with whatever an exporter may put into one: any order, odd lengths, unknown and repeated elements. */
export const anyTemplate: fc.Arbitrary<Template> = fc.record({
  id: fc.integer({ min: 256, max: 65535 }),
  fields: fc.array(anyField, { minLength: 1, maxLength: 30 }),
  scopeFieldCount: fc.constant(0),
});

/** The same as options templates. */
export const anyOptionsTemplate: fc.Arbitrary<Template> = anyTemplate.chain((each) =>
  fc.integer({ min: 1, max: each.fields.length }).map((scopeFieldCount) => ({ ...each, scopeFieldCount }))
);
