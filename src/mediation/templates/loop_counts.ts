import { VARIABLE_LENGTH } from "../../ipfix/types/abstract_data_type.ts";
import type { Template } from "../../ipfix/record/template.ts";
import { memoryLongs, view } from "../program/loop/memory.ts";
import { COUNT_BITS, VALUE_LENGTH, valueOffset } from "../program/rewrite_program.ts";
import type { Counters } from "./counters.ts";
import type { AcceptedTemplate } from "./template_entry.ts";

/** Moves what the rewrite loop has counted of a template into the session's counters. */
export function foldCounts(entry: AcceptedTemplate, counters: Counters): void {
  const word = entry.counters >>> 3;
  const records = Number(memoryLongs[word] ?? 0n);
  if (records === 0) return;
  memoryLongs[word] = 0n;
  entry.records += records;
  const { program } = entry.shared.compiled;
  for (const [index, { name, positions, stripped }] of program.counted.entries()) {
    if (stripped > 0) counters.fieldsStripped.add(name, records * stripped);
    const counter = memoryLongs[word + 1 + index] ?? 0n;
    memoryLongs[word + 1 + index] = 0n;
    if (counter === 0n) continue;
    counters.informationLost.add(name, Number(BigInt.asUintN(COUNT_BITS, counter)));
    // If several fields of the element are stripped, the last variable-length one determines the length reported.
    const lastLength = Number(counter >> BigInt(COUNT_BITS)) || fixedLength(entry.source, positions);
    counters.noteLostLength(name, lastLength);
    const type = entry.source.fields[positions[0] ?? 0]?.element.type;
    if (!program.keepsValues || type === undefined) continue;
    const octets = type === "boolean" && lastLength === 1
      ? Uint8Array.of(1)
      : view(entry.counters + valueOffset(program, index), Math.min(lastLength, VALUE_LENGTH)).slice();
    counters.noteLostValue(name, { type, length: lastLength, octets });
  }
  for (const { target, value } of entry.shared.mapping.fields) {
    if (value.from !== "record") counters.fieldsPadded.add(target.element.name, records);
  }
}

/** Length of the first of these fields that has a fixed length. */
function fixedLength({ fields }: Template, positions: readonly number[]): number {
  for (const position of positions) {
    const length = fields[position]?.length ?? 0;
    if (length !== VARIABLE_LENGTH) return length;
  }
  return 0;
}
