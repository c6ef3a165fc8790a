/**
 * Arbitrary exporter sessions, collectors and session facts for property tests.
 *
 * @module
 */
import fc from "fast-check";
import { isStructured, naturalLength } from "../../../src/ipfix/types/abstract_data_type.ts";
import type { InformationElement } from "../../../src/ipfix/registry/information_element.ts";
import { type Dialect, DIALECTS } from "../../../src/mediation/mapping/profile/dialect.ts";
import type { MediatorOptions } from "../../../src/mediation/session/mediator.ts";
import type { Profile } from "../../../src/mediation/mapping/profile/profile.ts";
import { antreaProfile, COLLECTORS, ERAS, history, rfc7011, withoutLimits } from "./antrea.ts";
import type { MessagePlan, Padding, SetPlan, StreamPlan } from "./stream_plan.ts";
import { field, type WireField, type WireTemplate } from "./wire.ts";

/**
 * Elements whose values speak of templates (RFC 7119 §10.2, RFC 6313): not made here, their values would not mean
 * anything.
 */
const isReference = ({ pen, id, type }: InformationElement) =>
  isStructured(type) || (pen === 0 && (id === 145 || id === 173));
const known = [...history.newest.elements()].filter((element) => !isReference(element));
const reverse = known.filter(({ pen }) => pen === 29305);
const antrea = known.filter(({ pen }) => pen === 56506);
const signed = known.filter(({ pen, type }) => pen === 0 && /^signed|float|boolean|dateTime/.test(type));
const text = known.filter(({ pen, type }) => pen === 0 && /string|octetArray/.test(type));
/** Other types and lengths over the releases. */
const changed = known.filter(({ pen, id }) => pen === 0 && [89, 434].includes(id));

/** A known element with a length that its type may have, or, seldom, one that it may not. */
const knownField: fc.Arbitrary<WireField> = fc.tuple(
  fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...known) },
    { weight: 2, arbitrary: fc.constantFrom(...antrea) },
    { weight: 1, arbitrary: fc.constantFrom(...reverse) },
    { weight: 2, arbitrary: fc.constantFrom(...signed) },
    { weight: 2, arbitrary: fc.constantFrom(...text) },
    { weight: 1, arbitrary: fc.constantFrom(...changed) },
  ),
  fc.nat(19),
  fc.nat(40),
).map(([element, kind, length]) => withLength(element, kind, length));

function withLength({ pen, id, type }: InformationElement, kind: number, length: number): WireField {
  const natural = naturalLength(type);
  const own = { pen, id, enterpriseBit: pen !== 0 };
  if (kind === 19) return { ...own, length };
  if (kind < 12) return { ...own, length: natural };
  if (natural === 65535) return { ...own, length: kind === 12 ? 300 : length };
  return { ...own, length: type === "float64" ? 4 : /signed/.test(type) ? 1 + length % natural : natural };
}

/** Elements that nobody knows: enterprise-specific, IANA's of tomorrow, the enterprise bit with PEN 0. */
const unknownField: fc.Arbitrary<WireField> = fc.record({
  pen: fc.constantFrom(64512, 0, 29305),
  id: fc.constantFrom(1, 2, 32000),
  enterpriseBit: fc.boolean(),
  length: fc.constantFrom(0, 1, 4, 40, 300, 65535),
}, { noNullPrototype: true }).map((one) =>
  one.enterpriseBit || one.pen !== 0 ? { ...one, enterpriseBit: true } : { ...one, id: 32000 }
);

const anyField = fc.oneof({ weight: 5, arbitrary: knownField }, { weight: 1, arbitrary: unknownField });

const randomFields = fc.array(anyField, { minLength: 1, maxLength: 10 });

/** The list of an era, some of its fields dropped, sent twice, moved, reduced, or others put in between. */
const eraFields: fc.Arbitrary<readonly WireField[]> = fc.tuple(
  fc.constantFrom(...ERAS.flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6])),
  fc.array(
    fc.record({
      change: fc.constantFrom("drop", "twice", "move", "length", "insert"),
      at: fc.nat(60),
      to: fc.nat(60),
      field: anyField,
      kind: fc.nat(19),
    }),
    { maxLength: 4 },
  ),
).map(([list, changes]) => {
  const fields = list.map((name) => {
    const { pen, id } = field(name, 0);
    return field(name, history.newest.lookup(pen, id)?.length ?? NaN);
  });
  for (const { change, at: place, to, field: other, kind } of changes) {
    const at = place % fields.length;
    const one = fields[at];
    if (one === undefined) continue;
    if (change === "insert") fields.splice(at, 0, other);
    else if (change === "twice") fields.splice(to % fields.length, 0, one);
    else if (change === "length") {
      const element = history.newest.lookup(one.pen, one.id);
      if (element !== undefined) fields[at] = withLength(element, kind, to);
    } else if (fields.length > 1) {
      fields.splice(at, 1);
      if (change === "move") fields.splice(to % fields.length, 0, one);
    }
  }
  return fields;
});

const ids = fc.nat(3);

const template = (options: boolean): fc.Arbitrary<WireTemplate> =>
  fc.tuple(
    ids,
    fc.oneof({ weight: 3, arbitrary: eraFields }, { weight: 3, arbitrary: randomFields }),
    fc.nat(30),
  ).map(([id, fields, scope]) => ({ id, scope: options ? 1 + scope % fields.length : 0, fields }));

const padding: fc.Arbitrary<Padding> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ octets: 0, value: 0 }) },
  { weight: 1, arbitrary: fc.record({ octets: fc.nat(12), value: fc.constantFrom(0, 0xff, 1) }) },
);

const templates: fc.Arbitrary<SetPlan> = fc.boolean().chain((options) =>
  fc.record({
    kind: fc.constant("templates" as const),
    templates: fc.array(template(options), { minLength: 0, maxLength: 3 }),
    padding,
  })
);
/** Templates that most of the stream can use. */
const plainTemplates: fc.Arbitrary<SetPlan> = fc.record({
  kind: fc.constant("templates" as const),
  templates: fc.array(template(false), { minLength: 1, maxLength: 3 }),
  padding,
});
const data: fc.Arbitrary<SetPlan> = fc.record({
  kind: fc.constant("data" as const),
  id: ids,
  records: fc.array(fc.nat(), { maxLength: 5 }),
  padding,
});
const withdrawal: fc.Arbitrary<SetPlan> = fc.record({
  kind: fc.constant("withdrawal" as const),
  id: ids,
  options: fc.boolean(),
  padding,
});
const reserved: fc.Arbitrary<SetPlan> = fc.record({
  kind: fc.constant("reserved" as const),
  id: fc.constantFrom(0, 1, 4, 255),
  octets: fc.nat(9),
});

const anySet = fc.oneof(
  { weight: 9, arbitrary: data },
  { weight: 3, arbitrary: plainTemplates },
  { weight: 2, arbitrary: templates },
  { weight: 1, arbitrary: withdrawal },
  { weight: 1, arbitrary: reserved },
);

const domain = fc.constantFrom(1, 0, 0x80000001);
const jump = fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, {
  weight: 1,
  arbitrary: fc.integer({ min: -9, max: 9 }),
});

const message: fc.Arbitrary<MessagePlan> = fc.record({
  domain,
  jump,
  sets: fc.oneof(
    { weight: 3, arbitrary: fc.tuple(data) },
    { weight: 1, arbitrary: fc.tuple(plainTemplates) },
    { weight: 3, arbitrary: fc.array(anySet, { maxLength: 5 }) },
  ),
});

/** Templates first, then anything. */
export const streams: fc.Arbitrary<StreamPlan> = fc.record({
  messages: fc.tuple(
    fc.array(fc.record({ domain, jump: fc.constant(0), sets: fc.tuple(plainTemplates) }), { maxLength: 3 }),
    fc.array(message, { maxLength: 8 }),
  ).map(([first, then]) => [...first, ...then]),
  numbers: fc.constantFrom("exclusive", "inclusive", "standing"),
  first: fc.constantFrom(0, 77, 0xfffffffc),
});

const profiles = new Map(COLLECTORS.map((release) => [release, antreaProfile(release)]));
const versions = [...new Set(ERAS.flatMap(({ releases }) => Object.values(releases)))];

/** A dialect with any mixture of limits. */
const dialects: fc.Arbitrary<Dialect> = fc.record({
  name: fc.constant("any"),
  messagesPerWrite: fc.constantFrom(Infinity, 1, 3),
  setsPerMessage: fc.constantFrom(Infinity, 1, 2),
  templateRecordsPerSet: fc.constantFrom(Infinity, 1, 2),
  setPadding: fc.boolean(),
  fieldLengths: fc.constantFrom("template", "registry"),
  optionsTemplates: fc.boolean(),
  withdrawals: fc.boolean(),
  emptyMessages: fc.boolean(),
  maxDatagram: fc.constantFrom(1024, 65507),
  templateScope: fc.constantFrom("session", "observation-domain"),
  undecodableTypes: fc.subarray(["dateTimeMicroseconds", "octetArray"] as const).map((types) => new Set(types)),
});

/** A collector's own list, from what its registry knows, with a dialect of its own. */
const customProfiles: fc.Arbitrary<Profile> = fc.tuple(
  fc.constantFrom(...versions),
  dialects,
  fc.array(fc.tuple(fc.nat(), fc.boolean()), { minLength: 1, maxLength: 8 }),
  fc.nat(3),
).map(([version = "", dialect, picks, lists]) => {
  const registry = history.at(version);
  const elements = [...registry.elements()].filter((element) =>
    !isReference(element) && !dialect.undecodableTypes.has(element.type)
  );
  // Half of them each of any type, however few elements there are of it.
  const types = [...Map.groupBy(elements, ({ type }) => type).values()];
  const list = picks.flatMap(([pick, byType]) => {
    const some = byType ? types[pick % types.length] ?? [] : elements;
    return some[(pick >>> 5) % some.length] ?? [];
  });
  const templates = ["0/8", "0/27"].slice(0, lists % 3).flatMap((name) => {
    const { pen, id } = field(name, 4);
    const selectedBy = registry.lookup(pen, id);
    if (selectedBy === undefined) return [];
    return [{
      name,
      selectedBy: [selectedBy],
      fields: [...list, selectedBy].map((element) => ({ element, length: element.length })),
    }];
  });
  return { name: "any", dialect, registry, acceptsUnknownElements: false, templates, renames: [] };
});

/** A release's own, RFC 7011 to the letter, a release's list in another dialect, or anything. */
export const collectors: fc.Arbitrary<Profile> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...profiles.values()) },
  { weight: 1, arbitrary: fc.constant(rfc7011) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(...DIALECTS.values()).map((dialect) => ({
      ...rfc7011,
      dialect: { ...dialect, fieldLengths: "template" as const },
    })),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.constantFrom(...COLLECTORS), dialects).map(([release, dialect]) =>
      withoutLimits(release, dialect)
    ),
  },
  { weight: 3, arbitrary: customProfiles },
).map(readable);

/** As a counterexample should show it: enough to make it again. */
export function readable(profile: Profile): Profile {
  const { name, dialect, registry, templates } = profile;
  const lists = (name === "any" ? templates : []).map(({ name, fields }) =>
    `${name}: ${fields.map(({ element }) => element.name).join(" ")}`
  );
  const limits = Object.entries(dialect).map(([key, value]) => `${key} ${value instanceof Set ? [...value] : value}`);
  const shown = name.startsWith("antrea/") ? name : [name, registry.name, ...limits, ...lists].join("; ");
  return Object.assign({ ...profile }, { [fc.toStringMethod]: () => shown });
}

/** What the mediator is told of the transport. */
export const facts = fc.record({
  reliable: fc.oneof({ weight: 3, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  maxMessageLength: fc.constantFrom(65535, 1024, 512),
});

/** Whether mappings get a function that walks their records at once, or not as long as a test takes. */
export type WalkFunctionOptions = Pick<MediatorOptions, "messagesBeforeWalkFunction">;
export const walkFunctionOptions: fc.Arbitrary<WalkFunctionOptions> = fc.constantFrom(
  { messagesBeforeWalkFunction: 0 },
  {},
);
