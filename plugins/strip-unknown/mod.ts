import {
  conversionBetween,
  defaultOctets,
  definePlugin,
  expectedPlaces,
  type FieldSpecifier,
  findElement,
  type InformationElement,
  isLengthOfType,
  knowsElement,
  mapEvery,
  type MappedField,
  narrowedSigns,
  type PluginContext,
  sameElement,
  type TemplateMapping,
  VARIABLE_LENGTH,
  z,
} from "@ipfix-skew-proxy/proxy/plugin";

const name = "strip-unknown";
const NONE: readonly FieldSpecifier[] = [];

/** Removes the fields that the collector does not know, or does not expect. See README.md. */
export default definePlugin({
  name,
  summary: "removes what the collector does not know or does not expect",
  options: z.strictObject({
    remove: z.enum(["unexpected", "unknown"]).default("unexpected"),
    also: z.array(z.string().min(1)).default([]),
  }),
  create({ remove, also }, profile) {
    const alsoElements = mapEvery(also, (element) => findElement(profile, element));
    return {
      name,
      rewrite(mapping, context) {
        const { expected } = context;
        // A template may have thousands of fields, and the list a hundred.
        const listedById = Map.groupBy(expected?.fields ?? [], ({ element }) => element.id);
        const acceptable: MappedField[] = [];
        for (const field of mapping.fields) {
          const taken = field.scope === true
            ? field
            : acceptableField(field, mapping, context, alsoElements, listedById.get(field.target.element.id) ?? NONE);
          if (taken !== undefined) acceptable.push(taken);
        }
        if (remove === "unknown" || expected === undefined) return keeping(mapping, acceptable);
        const places = expectedPlaces(acceptable.map(({ target }) => target), expected.fields);
        return keeping(mapping, acceptable.filter((_, position) => places[position] !== undefined));
      },
    };
  },
});

/**
 * The field as the collector can take it: as it is, or narrowed; undefined if it can be taken in no way.
 *
 * @param sameId fields of the collector's list whose element has the same id, under any PEN
 */
function acceptableField(
  field: MappedField,
  { source }: TemplateMapping,
  context: PluginContext,
  also: readonly InformationElement[],
  sameId: readonly FieldSpecifier[],
): MappedField | undefined {
  const { target, value } = field;
  if (also.some((element) => sameElement(element, target.element))) return undefined;
  const { profile } = context;
  if (profile.acceptsUnknownElements && profile.templates.length === 0) return field;
  const listed = sameId.length === 0 ? sameId : sameId.filter(({ element }) => sameElement(element, target.element));
  const [inList] = listed;
  if (profile.dialect.fieldLengths === "template" && listed.some(({ length }) => length === target.length)) {
    // The collector expects the element in this very length, whatever its type.
    return profile.dialect.undecodableTypes.has((inList ?? target).element.type) ? undefined : field;
  }
  if (inList === undefined && !knowsElement(profile, target.element)) return undefined;
  // The collector reads the field as its own release's registry defines it, not as the exporter's does.
  const element = profile.registry.lookup(target.element.pen, target.element.id) ?? inList?.element ?? target.element;
  if (profile.dialect.undecodableTypes.has(element.type)) return undefined;
  if (isReadable(target, element, context)) return field;
  const narrow = { element, length: inList?.length ?? element.length };
  const sent = value.from === "record" ? source.fields[value.index] : undefined;
  if (value.from !== "record" || sent === undefined || narrowedSigns(sent, narrow) === undefined) return undefined;
  const otherwise = defaultOctets(element.type, narrow.length);
  return { ...field, target: narrow, value: { from: "record", index: value.index, convert: "narrow", otherwise } };
}

/**
 * Whether the collector reads the right value from the field, either unchanged or converted to what its decoder needs.
 */
function isReadable(field: FieldSpecifier, element: InformationElement, { profile }: PluginContext): boolean {
  // A fixed-size field of no octets is harmless: the core gives it the type's default.
  if (field.length === 0 && element.length !== VARIABLE_LENGTH) return true;
  const asItComes = profile.dialect.fieldLengths === "template" && isLengthOfType(element.type, field.length);
  return conversionBetween(field, { element, length: asItComes ? field.length : element.length }) !== undefined;
}

/** The mapping with these of its fields only, and a note of the source fields that are no longer used. */
function keeping(mapping: TemplateMapping, fields: readonly MappedField[]): TemplateMapping {
  if (fields.length === mapping.fields.length && fields.every((field, index) => field === mapping.fields[index])) {
    return mapping;
  }
  const used = new Set(fields.map(({ value }) => value.from === "record" ? value.index : undefined));
  const stripped = new Map(mapping.stripped);
  for (const { value } of mapping.fields) {
    if (value.from === "record" && !used.has(value.index)) stripped.set(value.index, name);
  }
  return { ...mapping, fields, stripped };
}
