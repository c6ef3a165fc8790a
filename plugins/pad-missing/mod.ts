import {
  defaultOctets,
  definePlugin,
  encodeValue,
  expectedPlaces,
  type FieldSpecifier,
  findElement,
  type InformationElement,
  isLengthOfType,
  mapEvery,
  type MappedField,
  type Profile,
  sameElement,
  type TemplateMapping,
  VARIABLE_LENGTH,
  z,
} from "@ipfix-skew-proxy/proxy/plugin";

const name = "pad-missing";

type PadValue = string | number | bigint | boolean;

interface Pad {
  /** As the options name the element. */
  readonly key: string;
  readonly element: InformationElement;
  readonly value: PadValue;
}

/**
 * Adds what the collector expects and the exporter lacks, with a value from the options or the type's zero. See
 * README.md.
 */
export default definePlugin({
  name,
  summary: "adds what the collector expects and the exporter lacks",
  options: z.strictObject({
    values: z.record(z.string(), z.union([z.string(), z.number(), z.bigint(), z.boolean()])).default({}),
  }),
  create({ values }, profile) {
    const known: Pad[] = [];
    const pads = mapEvery(Object.entries(values), ([key, value]) => {
      const pad = { key, element: findElement(profile, key), value };
      const before = known.slice();
      known.push(pad);
      check(pad, profile, before);
      return pad;
    });
    return {
      name,
      rewrite(given, { expected }) {
        const mapping = withPads(given, pads);
        if (expected === undefined || mapping.source.scopeFieldCount > 0) return mapping;
        const places = expectedPlaces(mapping.fields.map(({ target }) => target), expected.fields);
        const taken = new Set(places);
        if (expected.fields.every((_, place) => taken.has(place))) return mapping;
        const fields = [...mapping.fields];
        const inOrder = [...places];
        expected.fields.forEach((target, place) => {
          if (taken.has(place)) return;
          // After its predecessor in the list, which is there by now, so that nothing moves for an exporter that keeps
          // the order; and after fields of the same element, which have the places before it.
          const predecessor = place === 0 ? -1 : inOrder.indexOf(place - 1);
          const same = fields.findLastIndex((field) => sameElement(field.target.element, target.element));
          const position = Math.max(predecessor, same) + 1;
          fields.splice(position, 0, { target, value: { from: "constant", octets: octetsOf(target, pads) }, by: name });
          inOrder.splice(position, 0, place);
        });
        return { ...mapping, fields };
      },
    };
  },
});

/** Narrowed fields take the pad value in records whose own does not fit. */
function withPads(mapping: TemplateMapping, pads: readonly Pad[]): TemplateMapping {
  if (pads.length === 0) return mapping;
  const fields = mapping.fields.map((field): MappedField => {
    const { target, value } = field;
    if (value.from !== "record" || value.convert !== "narrow") return field;
    if (!pads.some(({ element }) => sameElement(element, target.element))) return field;
    return { ...field, value: { ...value, otherwise: octetsOf(target, pads) } };
  });
  return fields.every((field, index) => field === mapping.fields[index]) ? mapping : { ...mapping, fields };
}

function octetsOf({ element, length }: FieldSpecifier, pads: readonly Pad[]): Uint8Array {
  const pad = pads.find((each) => sameElement(each.element, element));
  // A list may have an element in a length that its type cannot have: then there is no value but zeros.
  if (!isLengthOfType(element.type, length)) return new Uint8Array(length === VARIABLE_LENGTH ? 0 : length);
  try {
    return pad === undefined ? defaultOctets(element.type, length) : encodeValue(element.type, length, pad.value);
  } catch (error) {
    const where = pad === undefined ? element.name : `values: ${pad.key}`;
    throw new Error(`${where}: ${error instanceof Error ? error.message : error}`);
  }
}

/** Refuses a value that does not fit every template of the profile that lists its element. */
function check(pad: Pad, { templates }: Profile, before: readonly Pad[]): void {
  if (before.some(({ element }) => sameElement(element, pad.element))) {
    throw new Error(
      `values: ${pad.key}: ${pad.element.name} has a value already (allowed: once, by name or as pen/id)`,
    );
  }
  const listed = templates.flatMap(({ fields }) => fields.filter(({ element }) => sameElement(element, pad.element)));
  const targets = listed.length > 0 ? listed : [{ element: pad.element, length: pad.element.length }];
  for (const target of targets) octetsOf(target, [pad]);
}
