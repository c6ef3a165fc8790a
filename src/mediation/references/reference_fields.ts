import { type ListType, VARIABLE_LENGTH } from "../../ipfix/types/abstract_data_type.ts";
import { u16At } from "../../ipfix/octets/network_order.ts";
import type { FieldSpecifier } from "../../ipfix/record/template.ts";
import { LONG_FORM_MARKER } from "../../ipfix/record/variable_length.ts";
import type { TemplateMapping } from "../mapping/template_mapping.ts";

/** How a value refers to templates: by id, by the positions of their fields, or as records that they define. */
export type ReferenceKind = "templateId" | "flowKeyIndicator" | ListType;

const TEMPLATE_ID = 145;
const FLOW_KEY_INDICATOR = 173;

/**
 * Returns how values of this field refer to templates (RFC 7119 §10.2, RFC 6313), or undefined if they do not.
 *
 * A templateId or flowKeyIndicator whose length is invalid for its type (1 to 2 or 1 to 8 octets) cannot be interpreted
 * and is not a reference.
 */
export function referenceKind({ element, length }: FieldSpecifier): ReferenceKind | undefined {
  const { pen, id, enterpriseBit, type } = element;
  if (length === 0) return undefined;
  if (type === "basicList" || type === "subTemplateList" || type === "subTemplateMultiList") return type;
  if (pen !== 0 || enterpriseBit) return undefined;
  if (id === TEMPLATE_ID && length <= 2) return "templateId";
  if (id === FLOW_KEY_INDICATOR && length <= 8) return "flowKeyIndicator";
  return undefined;
}

/** Whether records of the mapping refer to templates. */
export function hasReferences(mapping: TemplateMapping): boolean {
  return mapping.fields.some(({ target, value }) => value.from === "record" && referenceKind(target) !== undefined);
}

/** Position of a field within the octets that were walked. */
export interface FieldPlace {
  /** First octet of the field, including its length prefix. */
  readonly start: number;
  /** First octet of the value. */
  readonly value: number;
  readonly end: number;
}

/** Where the wanted fields of a record are, and where it ends. */
export interface RecordPlaces {
  readonly wanted: readonly FieldPlace[];
  readonly end: number;
}

/**
 * Locates selected fields of a record. The number of steps is that of the wanted and the variable-length fields, so
 * never more than the record has octets.
 */
export class FieldWalk {
  readonly #steps: { readonly skip: number; readonly length: number; readonly wanted: boolean }[] = [];
  /** Octets after the last step's field. */
  readonly #rest: number;

  /** @param wanted positions of non-empty fields, ascending */
  constructor(fields: readonly FieldSpecifier[], wanted: ReadonlySet<number>) {
    let skip = 0;
    for (const [position, { length }] of fields.entries()) {
      if (length !== VARIABLE_LENGTH && !wanted.has(position)) {
        skip += length;
        continue;
      }
      this.#steps.push({ skip, length, wanted: wanted.has(position) });
      skip = 0;
    }
    this.#rest = skip;
  }

  /** Walks the record that begins at `start`, which must be complete. */
  places(octets: Uint8Array, start: number): RecordPlaces {
    const wanted: FieldPlace[] = [];
    let at = start;
    for (const step of this.#steps) {
      const field = at + step.skip;
      let value = field;
      let { length } = step;
      if (length === VARIABLE_LENGTH) {
        length = octets[value++] ?? 0;
        if (length === LONG_FORM_MARKER) {
          length = u16At(octets, value);
          value += 2;
        }
      }
      at = value + length;
      if (step.wanted) wanted.push({ start: field, value, end: at });
    }
    return { wanted, end: at + this.#rest };
  }
}

/** A field of the target that refers to templates. */
export interface ReferenceField {
  readonly kind: ReferenceKind;
  /** Index of its source field among the source's walked fields. */
  readonly source: number;
  readonly variable: boolean;
  readonly name: string;
}

/** Where to find the references in the records of one mapping. */
export interface ReferencePlan {
  readonly source: FieldWalk;
  readonly target: FieldWalk;
  /** In the order of the target's walk. */
  readonly fields: readonly ReferenceField[];
  /**
   * Index of the first templateId among the source's walked fields; flow keys in the same record refer to its template.
   * Undefined if there is none.
   */
  readonly named: number | undefined;
}

/** Derives the plan of a mapping. */
export function referencePlan(mapping: TemplateMapping): ReferencePlan {
  const named = mapping.source.fields.findIndex((field) => referenceKind(field) === "templateId");
  const wantedSources = new Set<number>(named < 0 ? [] : [named]);
  const wantedTargets = new Set<number>();
  for (const [position, { target, value }] of mapping.fields.entries()) {
    if (value.from !== "record" || referenceKind(target) === undefined) continue;
    wantedTargets.add(position);
    wantedSources.add(value.index);
  }
  const sources = new Map(
    [...wantedSources].sort((one, other) => one - other).map((position, index) => [position, index]),
  );
  const fields = mapping.fields.flatMap(({ target, value }): ReferenceField[] => {
    const kind = referenceKind(target);
    const source = value.from === "record" ? sources.get(value.index) : undefined;
    if (source === undefined || kind === undefined) return [];
    const { element: { name }, length } = target;
    return [{ kind, source, variable: length === VARIABLE_LENGTH, name }];
  });
  return {
    source: new FieldWalk(mapping.source.fields, wantedSources),
    target: new FieldWalk(mapping.fields.map(({ target }) => target), wantedTargets),
    fields,
    named: sources.get(named),
  };
}
