import {
  conversionBetween,
  definePlugin,
  type FieldSpecifier,
  findElement,
  type InformationElement,
  knowsElement,
  mapEvery,
  type MappedField,
  type Profile,
  sameElement,
  type Template,
  VARIABLE_LENGTH,
  z,
} from "@ipfix-skew-proxy/proxy/plugin";

const name = "map-fields";

interface Pair {
  readonly from: InformationElement;
  readonly to: InformationElement;
}

/** Exports the values of one element as those of another, where none is lost by it. See README.md. */
export default definePlugin({
  name,
  summary: "a source element becomes another, with a lossless conversion where types differ",
  options: z.strictObject({
    fields: z.record(z.string(), z.string()).default({}),
    profileRenames: z.boolean().default(true),
  }),
  create({ fields, profileRenames }, profile) {
    const own = mapEvery(Object.entries(fields), ([source, target]) => {
      const [from, to] = mapEvery(
        [() => findElement(profile, source), () => findTarget(profile, source, target)],
        (find) => find(),
      );
      refuseLoss({ from, to }, `fields: ${source}`);
      return { from, to };
    });
    const renames = profileRenames
      ? profile.renames.filter((rename) => !own.some(({ from }) => sameElement(from, rename.from)))
      : [];
    mapEvery(renames, (pair) => refuseLoss(pair, `renames of profile ${profile.name}`));
    // What the collector does not know is no improvement on the source element, whichever that is.
    const known = ({ to }: Pair) => isKnown(profile, to);
    const [ownPairs, profilePairs] = [own.filter(known), renames.filter(known)];
    return {
      name,
      // A list that has the source element and not the other one expects what the exporter sends.
      rewrite: (mapping, { expected }) =>
        [...ownPairs, ...profilePairs.filter((pair) => !keepsItsName(pair, expected?.fields ?? []))].reduce(
          (mapped, pair) => {
            if (mapped.fields.some(({ target }) => sameElement(target.element, pair.to))) return mapped;
            const position = mapped.fields.findIndex(({ target }) => sameElement(target.element, pair.from));
            const field = mapped.fields[position];
            const renamed = field && rename(field, pair, mapped.source);
            return renamed === undefined ? mapped : { ...mapped, fields: mapped.fields.with(position, renamed) };
          },
          mapping,
        ),
    };
  },
});

/** The element that another becomes; an error names the key, because others may name the same target. */
function findTarget(profile: Profile, source: string, target: string): InformationElement {
  try {
    return findElement(profile, target);
  } catch (error) {
    throw new Error(`fields: ${source}: ${error instanceof Error ? error.message : error}`);
  }
}

function keepsItsName({ from, to }: Pair, expected: readonly FieldSpecifier[]): boolean {
  const lists = (element: InformationElement) => expected.some((field) => sameElement(field.element, element));
  return lists(from) && !lists(to);
}

/** The field under its new element; undefined where its value would not survive, as with an odd length. */
function rename(field: MappedField, { from, to }: Pair, { fields }: Template): MappedField | undefined {
  if (field.value.from !== "record") return undefined;
  const source = fields[field.value.index];
  if (source === undefined) return undefined;
  const target = unreduced(to);
  const convert = conversionBetween(source, target) ?? asTheCollectorHasIt(source, from, target);
  if (convert === undefined) return undefined;
  const { index } = field.value;
  return { ...field, target, value: { from: "record", index, ...(convert === "none" ? {} : { convert }) }, by: name };
}

/**
 * An element that only the collector's registry knows: its octets can be passed on unchanged, but not converted.
 */
function asTheCollectorHasIt(
  source: FieldSpecifier,
  from: InformationElement,
  target: FieldSpecifier,
): "none" | undefined {
  if (source.element.known) return undefined;
  return conversionBetween({ element: from, length: source.length }, target) === "none" ? "none" : undefined;
}

function isKnown(profile: Profile, element: InformationElement): boolean {
  return knowsElement(profile, element) ||
    profile.templates.some(({ fields }) => fields.some((field) => sameElement(field.element, element)));
}

function refuseLoss({ from, to }: Pair, where: string): void {
  if (sameElement(from, to)) throw new Error(`${where}: ${from.name} cannot become itself (allowed: another element)`);
  const [source, target] = [unreduced(from), unreduced(to)];
  if (conversionBetween(source, target) !== undefined) return;
  throw new Error(
    `${where}: ${from.name} (${shape(source)}) cannot become ${to.name} (${shape(target)}): values would be lost ` +
      "(allowed: the same type, a larger integer or float, a signed integer larger than the unsigned, octetArray for a string, " +
      "dateTimeMilliseconds for dateTimeSeconds, ipv6Address for ipv4Address)",
  );
}

function unreduced(element: InformationElement): FieldSpecifier {
  return { element, length: element.length };
}

function shape({ element, length }: FieldSpecifier): string {
  return `${element.type}, ${length === VARIABLE_LENGTH ? "variable length" : `length ${length}`}`;
}
