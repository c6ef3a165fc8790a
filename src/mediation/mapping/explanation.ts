import type { AbstractDataType } from "../../ipfix/types/abstract_data_type.ts";
import { elementKey, sameElement } from "../../ipfix/registry/information_element.ts";
import { decodeJsonValue, type JsonValue } from "../../ipfix/types/json_value.ts";
import type { Conversion, MappedField, TemplateMapping } from "./template_mapping.ts";

/** One field of the target template, as `explain --json` writes it. */
export interface ExplainedField {
  readonly element: string;
  readonly pen: number;
  readonly id: number;
  readonly type: AbstractDataType;
  /** Octets; 65535 for variable. */
  readonly length: number;
  readonly from: "record" | "constant" | "session";
  /** Position in the source template, counted from 0. */
  readonly index?: number;
  /** The constant's value, or the name of the session fact. */
  readonly value?: JsonValue;
  readonly convert?: Conversion;
  /** With `narrow`: the value of a record whose own does not fit. */
  readonly otherwise?: JsonValue;
  /** The plugin that gave the field its value or its place. */
  readonly by?: string;
}

/** What a template mapping does, for people and programs. Elements are given by name. */
export interface Explanation {
  readonly source: readonly string[];
  readonly target: readonly ExplainedField[];
  /** Elements that are passed on, value for value. */
  readonly kept: readonly string[];
  /** Elements that are passed on as another element. */
  readonly renamed: readonly { readonly from: string; readonly to: string }[];
  /** Elements that the target no longer has. */
  readonly stripped: readonly string[];
  /** Elements whose value is a constant or a session fact. */
  readonly padded: readonly string[];
  /** Elements that are narrowed: a value that does not fit is lost. */
  readonly narrowed: readonly string[];
  /** Number of kept and renamed fields whose order has changed. */
  readonly moved: number;
  /** Stripped elements whose value no other field carries. */
  readonly lost: readonly string[];
  /** Source element → the plugin that removed it or gives another value in its place, if one is noted. */
  readonly strippedBy: Readonly<Record<string, string>>;
}

/** Lists what a mapping keeps, strips, pads, moves and loses. */
export function explainMapping(mapping: TemplateMapping): Explanation {
  const { source, fields } = mapping;
  const carried = new Set<number>();
  const keptPositions = new Set<number>();
  const renamed: { from: string; to: string }[] = [];
  for (const { target, value } of fields) {
    if (value.from !== "record") continue;
    carried.add(value.index);
    const from = source.fields[value.index]?.element;
    if (from === undefined) continue;
    if (sameElement(from, target.element)) keptPositions.add(value.index);
    else renamed.push({ from: from.name, to: target.element.name });
  }
  const named = (wanted: (position: number) => boolean) =>
    source.fields.filter((_field, position) => wanted(position)).map(({ element }) => element.name);
  return {
    source: named(() => true),
    target: fields.map(explainField),
    kept: named((position) => keptPositions.has(position)),
    renamed,
    stripped: named((position) => !keptPositions.has(position)),
    padded: fields.filter(({ value }) => value.from !== "record").map(({ target }) => target.element.name),
    narrowed: fields.filter(({ value }) => value.from === "record" && value.convert === "narrow")
      .map(({ target }) => target.element.name),
    moved: movedFields(fields),
    lost: named((position) => !carried.has(position)),
    strippedBy: { ...replacedBy(mapping, keptPositions), ...removedBy(mapping) },
  };
}

function removedBy({ source, stripped = new Map() }: TemplateMapping): Record<string, string> {
  return Object.fromEntries([...stripped].map(([position, by]) => [source.fields[position]?.element.name ?? "", by]));
}

/** Source elements that the target has with another value → the plugin that gives it. */
function replacedBy({ source, fields }: TemplateMapping, kept: ReadonlySet<number>): Record<string, string> {
  const givers = new Map<string, string>();
  for (const { target: { element }, value, by } of fields) {
    if (value.from !== "record" && by !== undefined) givers.set(elementKey(element), by);
  }
  return Object.fromEntries(source.fields.flatMap(({ element }, position) => {
    const by = kept.has(position) ? undefined : givers.get(elementKey(element));
    return by === undefined ? [] : [[element.name, by]];
  }));
}

function explainField({ target, value, by }: MappedField): ExplainedField {
  const { element, length } = target;
  const head = { element: element.name, pen: element.pen, id: element.id, type: element.type, length };
  const tail = by === undefined ? {} : { by };
  switch (value.from) {
    case "record":
      return {
        ...head,
        from: "record",
        index: value.index,
        ...(value.convert === undefined ? {} : { convert: value.convert }),
        ...(value.otherwise === undefined ? {} : { otherwise: decodeJsonValue(element.type, value.otherwise) }),
        ...tail,
      };
    case "constant":
      return { ...head, from: "constant", value: decodeJsonValue(element.type, value.octets), ...tail };
    case "session":
      return { ...head, from: "session", value: value.fact, ...tail };
  }
}

/** The smallest number of fields without which the others are in the order of the source. */
function movedFields(fields: readonly MappedField[]): number {
  const positions: number[] = [];
  for (const { value } of fields) if (value.from === "record") positions.push(value.index);
  // tails[n]: the smallest position that ends a run of n + 1 fields in source order.
  const tails: number[] = [];
  for (const position of positions) {
    // Binary search for the first tail not below the position, since a template may have thousands of fields.
    let [low, high] = [0, tails.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((tails[middle] ?? 0) < position) low = middle + 1;
      else high = middle;
    }
    tails[low] = position;
  }
  return positions.length - tails.length;
}
