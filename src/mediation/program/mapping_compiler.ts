import { type FieldSpecifier, smallestRecordLength } from "../../ipfix/record/template.ts";
import { VARIABLE_LENGTH } from "../../ipfix/types/abstract_data_type.ts";
import { complete, endStep, type Steps } from "../mapping/chain/steps.ts";
import type { SessionFactValues } from "../mapping/session_fact.ts";
import { isIdentity, type MappedField, type TemplateMapping } from "../mapping/template_mapping.ts";
import { Operation, OperationWriter } from "./operation_writer.ts";
import type { LostElement, RewriteProgram } from "./rewrite_program.ts";

const HEADER_WORDS = 9;
/** Marks the first of a walk step's variable fields. */
const MARKED = 0x80000000;

/** Octets by which a record may grow at most: twice the longest record, so that a buffer of fixed size can take any. */
const LARGEST_GROWTH = 2 * 65535;

/**
 * Compiles a mapping that has been checked, for sessions with these facts.
 *
 * @param keepPadding whether an identity program keeps the padding at the end of sets
 * @param keepValues whether the last value of each lost field is stored
 * @throws RangeError for a source template whose records have no octets, since a loop over them would not end; for
 *   records that could grow by more than two messages
 */
export function compileMapping(
  mapping: TemplateMapping,
  facts: SessionFactValues,
  keepPadding: boolean,
  keepValues = false,
): RewriteProgram {
  return complete(compileSteps(mapping, facts, keepPadding, keepValues));
}

/** As {@link compileMapping}, in steps. */
export function* compileSteps(
  mapping: TemplateMapping,
  facts: SessionFactValues,
  keepPadding: boolean,
  keepValues: boolean,
): Steps<RewriteProgram> {
  const { source } = mapping;
  const { length } = source.fields;
  const smallest = smallestRecordLength(source);
  if (smallest === 0) throw new RangeError("a record of no octets");
  const identity = isIdentity(mapping);
  const counted = identity ? [] : lostElements(mapping);
  const keepsValues = keepValues && counted.length > 0;
  yield* endStep(length);
  const writer = new OperationWriter(source.fields, facts, counted, keepsValues);
  if (keepsOrder(mapping.fields)) writeInOrder(writer, mapping.fields);
  else writeReordered(writer, mapping.fields, lostFields(mapping));
  writer.countOnce();
  const growth = writer.growth + repeatedOctets(mapping);
  if (growth > LARGEST_GROWTH) throw new RangeError(`a record that may grow by ${growth} octets`);

  yield* endStep(length);
  const { places } = writer;
  const marks = places.marks();
  const walk = walkOf(source.fields, marks);
  const operationsAt = (HEADER_WORDS + walk.length) * 4;
  const constantsAt = operationsAt + writer.length;
  const operations = writer.words(marks, constantsAt);
  const flags = identity ? (keepPadding ? 3 : 1) : 0;
  const { leading, gaps, trailing } = places;
  const header = [smallest, flags, operationsAt, growth, (marks.length + 1) * 4, leading, trailing, 0, 0];
  const words = Uint32Array.from([...header, ...walk, ...operations]);
  const octets = new Uint8Array(constantsAt + writer.constantsLength);
  octets.set(new Uint8Array(words.buffer));
  writer.putConstants(octets, constantsAt);
  return { octets, identity, counted, keepsValues, layout: { leading, gaps, marks } };
}

/** Positions of the source fields from which no target field takes its value, so that their values are lost. */
export function lostFields(mapping: TemplateMapping): number[] {
  const used = new Set<number>();
  for (const { value } of mapping.fields) if (value.from === "record") used.add(value.index);
  return mapping.source.fields.map((_, index) => index).filter((index) => !used.has(index));
}

/** Positions of the source fields that are narrowed, so that a value may not fit. */
function narrowedFields({ fields }: TemplateMapping): ReadonlySet<number> {
  const narrowed = new Set<number>();
  for (const { value } of fields) if (value.from === "record" && value.convert === "narrow") narrowed.add(value.index);
  return narrowed;
}

/** The fields that may lose a value by the name of their element, in the order of the first of each. */
function lostElements(mapping: TemplateMapping): LostElement[] {
  const stripped = lostFields(mapping);
  const all = [...stripped, ...narrowedFields(mapping)].sort((one, other) => one - other);
  const isStripped = new Set(stripped);
  return [...Map.groupBy(all, (position) => mapping.source.fields[position]?.element.name ?? "")].map(
    ([name, positions]) => ({
      name,
      positions: positions.filter((position) => mapping.source.fields[position]?.length !== 0),
      stripped: positions.filter((position) => isStripped.has(position)).length,
    }),
  );
}

/** Octets that source fields used more than once add to a record at most. */
function repeatedOctets(mapping: TemplateMapping): number {
  const used = new Set<number>();
  let octets = 0;
  for (const { value } of mapping.fields) {
    if (value.from !== "record") continue;
    if (used.has(value.index)) octets += mapping.source.fields[value.index]?.length ?? 0;
    used.add(value.index);
  }
  return octets;
}

/** Whether the values taken from the record are in its own order, each at most once. */
function keepsOrder(fields: readonly MappedField[]): boolean {
  let last = -1;
  for (const { value } of fields) {
    if (value.from !== "record") continue;
    if (value.index <= last) return false;
    last = value.index;
  }
  return true;
}

/** The walk's steps, two numbers each: octets to skip, then variable fields, of which the first may be marked. */
function walkOf(fields: readonly FieldSpecifier[], marks: readonly number[]): number[] {
  const marked = new Set(marks);
  const steps: number[] = [];
  let [octets, variable, begun] = [0, 0, 0];
  for (const field of fields) {
    const isVariable = field.length === VARIABLE_LENGTH;
    if (variable > 0 && (!isVariable || marked.has(begun))) {
      steps.push(octets, variable);
      octets = variable = 0;
    }
    if (!isVariable) octets += field.length;
    else variable += 1 + (marked.has(begun++) ? MARKED : 0);
  }
  steps.push(octets, variable);
  return steps;
}

/** Operations for a target in the source's order: kept fields move in spans. */
function writeInOrder(writer: OperationWriter, fields: readonly MappedField[]): void {
  let next = 0;
  const cutTo = (index: number) => {
    for (; next < index; next++) writer.cut(next);
  };
  for (const field of fields) {
    if (field.value.from !== "record") {
      writer.made(field, next);
      continue;
    }
    const { index, convert } = field.value;
    cutTo(index);
    next = index + 1;
    if (convert === undefined) continue;
    writer.operation(Operation.flush, index);
    writer.converted(field, index);
    writer.operation(Operation.skip, next);
  }
  cutTo(writer.source.length);
}

/**
 * Operations for a target in another order: losses are counted first, then each target field is written from its place.
 */
function writeReordered(writer: OperationWriter, fields: readonly MappedField[], lost: readonly number[]): void {
  const end = writer.source.length;
  writer.operation(Operation.flush, 0);
  for (const position of lost) {
    if (writer.source[position]?.length === 0) continue;
    writer.operation(Operation.skip, position);
    writer.cut(position);
  }
  writer.operation(Operation.skip, end);
  for (const run of runsOf(fields)) {
    if ("last" in run) writer.copy(run.first, run.last + 1);
    else if (run.value.from !== "record") writer.made(run, end);
    else writer.converted(run, end);
  }
}

/**
 * Target fields written in one operation: unchanged fields that are neighbours in both templates, or one other field.
 */
type Run = { readonly first: number; readonly last: number } | MappedField;

function runsOf(fields: readonly MappedField[]): Run[] {
  const runs: Run[] = [];
  for (const field of fields) {
    if (field.value.from !== "record" || field.value.convert !== undefined) {
      runs.push(field);
      continue;
    }
    const { index } = field.value;
    const before = runs.at(-1);
    if (before !== undefined && "last" in before && before.last + 1 === index) {
      runs[runs.length - 1] = { first: before.first, last: index };
    } else runs.push({ first: index, last: index });
  }
  return runs;
}
