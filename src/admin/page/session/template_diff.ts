import type { FieldSpecifier } from "../../../ipfix/record/template.ts";
import type { TemplateMapping } from "../../../mediation/mapping/template_mapping.ts";
import { explainMapping } from "../../../mediation/mapping/explanation.ts";

/** What happens to a field. A moved field has two rows: one at its old place, one at its new place. */
export type Change = "kept" | "stripped" | "padded" | "moved" | "changed";

/** One row of a template diff: the exporter's field on one side, the collector's on the other. */
export interface DiffRow {
  readonly change: Change;
  /** The exporter's field. */
  readonly source?: DiffField;
  /** The collector's field. */
  readonly target?: DiffField;
  /** A note beside the names: `to place 4`, `always 6, by pad-missing`. */
  readonly note?: string;
}

/** A field of one side: its place counted from 1, its name and length. */
export interface DiffField {
  readonly place: number;
  readonly name: string;
  /** `8 octets`, `variable length` */
  readonly length: string;
}

/**
 * Returns the mapping as rows of two columns, each in its own side's order. Fields that keep their order share a row;
 * between them, fields of the exporter alone come first, then fields of the collector alone.
 */
export function templateDiff(mapping: TemplateMapping): DiffRow[] {
  const { source, fields, stripped } = mapping;
  const explained = explainMapping(mapping).target;
  const anchors = inOrder(fields.map(({ value }) => value.from === "record" ? value.index : -1));
  const places = new Map<number, number[]>();
  fields.forEach(({ value }, position) => {
    if (value.from === "record") places.set(value.index, [...places.get(value.index) ?? [], position]);
  });
  const rows: DiffRow[] = [];
  let next = 0;
  /**
   * Adds rows for the exporter's fields before this one, none of which shares a row with a field of the collector's.
   */
  const sourceUntil = (end: number) => {
    for (; next < end; next++) {
      const field = source.fields[next];
      if (field === undefined) continue;
      const to = places.get(next);
      const by = stripped?.get(next);
      rows.push(
        to === undefined
          ? { change: "stripped", source: side(field, next), ...(by === undefined ? {} : { note: `by ${by}` }) }
          : { change: "moved", source: side(field, next), note: `to place ${to.map((place) => place + 1).join(", ")}` },
      );
    }
  };
  fields.forEach((field, position) => {
    const target = side(field.target, position);
    const { value } = field;
    if (value.from !== "record") {
      const shown = explained[position];
      const what = value.from === "session" ? `the session's ${value.fact}` : `always ${text(shown?.value)}`;
      rows.push({ change: "padded", target, note: field.by === undefined ? what : `${what}, by ${field.by}` });
      return;
    }
    const from = source.fields[value.index];
    if (from === undefined) return;
    const otherwise = explained[position]?.otherwise;
    const changed = differences(
      from,
      field.target,
      value.convert === "narrow" ? `narrowed, ${text(otherwise)} where the value does not fit` : value.convert,
    );
    if (anchors.has(position)) {
      sourceUntil(value.index);
      next = value.index + 1;
      rows.push({
        change: changed === undefined ? "kept" : "changed",
        source: side(from, value.index),
        target,
        ...(changed === undefined ? {} : { note: changed }),
      });
      return;
    }
    const moved = `from place ${value.index + 1}`;
    rows.push({ change: "moved", target, note: changed === undefined ? moved : `${moved}, ${changed}` });
  });
  sourceUntil(source.fields.length);
  return rows;
}

function side({ element, length }: FieldSpecifier, position: number): DiffField {
  const words = length === 65535 ? "variable length" : `${length} octet${length === 1 ? "" : "s"}`;
  return { place: position + 1, name: element.name, length: words };
}

/** Returns how the field differs; undefined if its octets are unchanged. */
function differences(from: FieldSpecifier, to: FieldSpecifier, convert: string | undefined): string | undefined {
  const renamed = from.element.name === to.element.name ? [] : ["renamed"];
  const converted = convert === undefined ? [] : [convert.replaceAll("-", " ")];
  const all = [...renamed, ...converted];
  return all.length === 0 ? undefined : all.join(", ");
}

function text(value: unknown): string {
  return value === "" ? "empty" : String(value);
}

/**
 * Returns the positions of a longest increasing subsequence: the fields that are in the same order on both sides.
 *
 * @param values -1 is left out
 */
function inOrder(values: readonly number[]): Set<number> {
  // tails[n]: the position of the smallest value that ends a rising run of n + 1.
  const tails: number[] = [];
  const before = new Map<number, number>();
  values.forEach((value, position) => {
    if (value < 0) return;
    // Their values rise: the first that is not smaller is found by halving.
    let length = 0;
    for (let end = tails.length; length < end;) {
      const middle = (length + end) >> 1;
      if ((values[tails[middle] ?? 0] ?? 0) < value) length = middle + 1;
      else end = middle;
    }
    const previous = tails[length - 1];
    if (previous !== undefined) before.set(position, previous);
    tails[length] = position;
  });
  const chosen = new Set<number>();
  for (let position: number | undefined = tails.at(-1); position !== undefined; position = before.get(position)) {
    chosen.add(position);
  }
  return chosen;
}
