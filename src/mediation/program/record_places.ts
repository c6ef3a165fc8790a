import { VARIABLE_LENGTH } from "../../ipfix/types/abstract_data_type.ts";
import type { FieldSpecifier } from "../../ipfix/record/template.ts";

/**
 * A place in a record: an offset in octets from what the walk finds, which is the record's beginning, a variable field
 * or its end.
 */
export interface Place {
  readonly from: "begin" | "end" | { readonly variable: number };
  readonly offset: number;
}

/**
 * Where the fields of a template's records begin. Places refer to few variable fields, because the walk has to note
 * each of those.
 */
export class Places {
  /** Octets before the first field of variable length; all of them where there is none. */
  readonly leading: number = 0;
  /** Octets between each field of variable length and the next. */
  readonly gaps: readonly number[];
  /** Octets behind the last field of variable length. */
  readonly trailing: number = 0;
  readonly #places: Place[] = [];
  /** Variable fields that places refer to. */
  readonly #marks = new Set<number>();

  constructor(fields: readonly FieldSpecifier[]) {
    const runs = [0];
    /** For each field: fields of variable length before it, and octets from the last of those. */
    const found: (readonly [variable: number, octets: number])[] = [];
    for (const { length } of fields) {
      const octets = runs.at(-1) ?? 0;
      found.push([runs.length - 1, octets]);
      if (length === VARIABLE_LENGTH) runs.push(0);
      else runs[runs.length - 1] = octets + length;
    }
    found.push([runs.length - 1, runs.at(-1) ?? 0]);
    const variables = runs.length - 1;
    this.leading = runs[0] ?? 0;
    this.gaps = runs.slice(1, -1);
    if (variables > 0) this.trailing = runs.at(-1) ?? 0;
    for (const [variable, octets] of found) {
      if (variable === 0) this.#places.push({ from: "begin", offset: octets });
      else if (variable === variables) this.#places.push({ from: "end", offset: octets - this.trailing });
      else this.#places.push({ from: { variable }, offset: octets - (runs[variable] ?? 0) });
    }
  }

  /** Where the field at this position begins; behind the last one: where the record ends. */
  of(position: number): Place {
    const place = this.#places[position];
    if (place === undefined) throw new RangeError(`there is no source field ${position}`);
    if (typeof place.from === "object") this.#marks.add(place.from.variable);
    return place;
  }

  /** The variable fields that places refer to, counted from 0, in the order of the record. */
  marks(): number[] {
    return [...this.#marks].sort((one, other) => one - other);
  }
}

/** Returns a function from a place to the 32-bit word of the log entry that holds what the place refers to. */
export function entryWords(marks: readonly number[]): (place: Place) => number {
  const words = new Map(marks.map((variable, index) => [variable, index + 1]));
  return ({ from }) => {
    if (from === "begin") return 0;
    return from === "end" ? marks.length + 1 : words.get(from.variable) ?? 0;
  };
}
