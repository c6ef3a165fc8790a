import type { RegistryHistory } from "../../src/ipfix/registry.ts";
import type { Profile } from "../../src/mediation/profile.ts";
import type { ReferenceTemplate } from "./reference_rewriter.ts";
import { join, number, readNumber, readRecords, recordOctets, type WireField, type WireTemplate } from "./wire.ts";

/** The record that a value stands in, and the templates that it may speak of. */
export interface RecordContext {
  readonly source: WireTemplate;
  readonly record: readonly Uint8Array[];
  readonly templates: ReadonlyMap<string, ReferenceTemplate>;
  readonly observationDomain: number;
}

interface Knowledge {
  readonly profile: Profile;
  readonly history: RegistryHistory;
}

const FLOW_KEY_INDICATOR = 173;
const TEMPLATE_ID = 145;

/**
 * Values that speak of templates: bits of a flowKeyIndicator move with the fields of the template that the record's templateId
 * names (RFC 7119 §10.2), lists follow the mapping of the templates inside them (RFC 6313).
 */
export function rewriteSemantics(
  knowledge: Knowledge,
  field: WireField,
  octets: Uint8Array,
  context: RecordContext,
): Uint8Array {
  if (field.enterpriseBit) return octets;
  if (field.id === FLOW_KEY_INDICATOR) return flowKeys(octets, context);
  const type = knowledge.history.newest.lookup(0, field.id)?.type;
  try {
    if (type === "subTemplateList") return subTemplateList(knowledge, octets, context);
    if (type === "subTemplateMultiList") return subTemplateMultiList(knowledge, octets, context);
  } catch {
    return octets; // not well-formed: as it came
  }
  return octets;
}

function flowKeys(octets: Uint8Array, { source, record, templates, observationDomain }: RecordContext): Uint8Array {
  const place = source.fields.findIndex(({ id, enterpriseBit }) => id === TEMPLATE_ID && !enterpriseBit);
  const named = record[place];
  if (named === undefined) return octets;
  const outcome = templates.get(`${observationDomain} ${readNumber(named, 0, named.length)}`)?.outcome;
  if (outcome === undefined || typeof outcome === "string") return octets;
  const bits = BigInt(`0x${octets.toHex()}`);
  let moved = 0n;
  outcome.values.forEach((value, position) => {
    if (value.from === "record" && (bits >> BigInt(value.index) & 1n) === 1n) moved |= 1n << BigInt(position);
  });
  return number(moved, octets.length);
}

function subTemplateList(knowledge: Knowledge, octets: Uint8Array, context: RecordContext): Uint8Array {
  const id = readNumber(octets, 1, 2);
  return join(octets.slice(0, 3), embedded(knowledge, id, octets.slice(3), context));
}

function subTemplateMultiList(knowledge: Knowledge, octets: Uint8Array, context: RecordContext): Uint8Array {
  const parts: Uint8Array[] = [octets.slice(0, 1)];
  for (let offset = 1; offset < octets.length;) {
    const [id, length] = [readNumber(octets, offset, 2), readNumber(octets, offset + 2, 2)];
    if (length < 4 || offset + length > octets.length) throw new Error("the list overruns");
    const content = embedded(knowledge, id, octets.slice(offset + 4, offset + length), context);
    parts.push(number(id, 2), number(content.length + 4, 2), content);
    offset += length;
  }
  return join(...parts);
}

function embedded(knowledge: Knowledge, id: number, content: Uint8Array, context: RecordContext): Uint8Array {
  const template = context.templates.get(`${context.observationDomain} ${id}`);
  if (template === undefined || typeof template.outcome === "string") throw new Error(`no template ${id}`);
  const { source, outcome } = template;
  const { records, padding } = readRecords(source.fields, content);
  if (padding.length > 0) throw new Error("octets behind the last record");
  return join(...records.map((record) =>
    recordOctets(
      outcome.target.fields,
      outcome.values.map((value, position) => {
        const field = outcome.target.fields[position];
        if (value.from === "default" || field === undefined) {
          return value.from === "default" ? value.octets : new Uint8Array();
        }
        const converted = value.convert(record[value.index] ?? new Uint8Array());
        return rewriteSemantics(knowledge, field, converted, { ...context, source, record });
      }),
    )
  ));
}
