import { concatenate } from "../../ipfix/octets/concatenate.ts";
import type { ResolveElement } from "../../ipfix/record/template_record.ts";
import { ListMapper, type ListRecords } from "./list_mapper.ts";
import { checkedLength, LONGEST_RECORD, PatchedOctets } from "./record_octets.ts";
import { type FieldPlace, type ReferenceField, type ReferencePlan, referencePlan } from "./reference_fields.ts";
import {
  FoundFaults,
  type MappedRecord,
  type RecordContext,
  type ReferenceScope,
  Unmappable,
  type ValueContext,
} from "./reference_scope.ts";
import { numberAt, ValueMapper } from "./value_mapper.ts";
import { memoryOctets } from "../program/loop/memory.ts";
import { type RecordsRewritten, rewriteRecords, SCRATCH_LENGTH } from "../program/loop/rewrite_loop.ts";
import type { TemplateMapping } from "../mapping/template_mapping.ts";
import type { AcceptedTemplate } from "../templates/template_entry.ts";

/**
 * Maps data records whose values refer to templates, one at a time; other records never get here. The rewrite loop
 * produces the target record, and of a list all target records at once, then each value that refers to a template is replaced: see {@link ValueMapper} and {@link
 * ListMapper}.
 *
 * Work and memory are bounded by the record's length times the maximum list depth, and the result by {@link
 * LONGEST_RECORD}.
 */
export class RecordMapper implements ListRecords {
  /** Values that the last call of {@link mapRecord} has mapped, which say how much work it was. */
  values = 0;
  readonly #plans = new WeakMap<TemplateMapping, ReferencePlan>();
  readonly #values = new ValueMapper();
  readonly #lists: ListMapper;

  /** @param scratch address of twice {@link SCRATCH_LENGTH} octets in the loop's memory */
  constructor(readonly scratch: number, resolve: ResolveElement) {
    this.#lists = new ListMapper(resolve, this.#values, this);
  }

  /**
   * Maps the record between these addresses, which must be complete. Nothing is counted until {@link count}.
   *
   * @returns an Unmappable if the record cannot be sent
   */
  mapRecord(template: AcceptedTemplate, scope: ReferenceScope, from: number, end: number): MappedRecord | Unmappable {
    const context: RecordContext = { scope, faults: new FoundFaults(), ledger: [] };
    this.values = 0;
    try {
      return { octets: this.map(template, from, end, context, 0), faults: context.faults, ledger: context.ledger };
    } catch (error) {
      if (error instanceof Unmappable) return error;
      throw error;
    }
  }

  /** Adds a record that is sent to the counts of its templates. */
  count({ ledger }: MappedRecord): void {
    for (const { template, from, end } of ledger) this.#rewrite(template, template.counters, from, end);
  }

  /**
   * Maps consecutive records of one template and everything they refer to: as many at a time as fit {@link
   * LONGEST_RECORD} before what they refer to is mapped.
   *
   * @param depth number of lists around the records
   * @throws Unmappable if the result is too long
   */
  map(template: AcceptedTemplate, from: number, end: number, context: RecordContext, depth: number): Uint8Array {
    const { references, mapping } = template.shared;
    const parts: Uint8Array[] = [];
    let length = 0;
    for (let at = from; at < end;) {
      const { consumed, produced } = this.#rewrite(template, 0, at, end);
      const isTooLong = consumed === 0 || (!references && consumed < end - from);
      if (isTooLong) throw new Unmappable("record_too_long", "a list outgrows its record");
      const target = memoryOctets.slice(this.scratch, this.scratch + produced);
      context.ledger.push({ template, from: at, end: at + consumed });
      const part = references
        ? this.#mapReferences(this.#planOf(mapping), template, at, at + consumed, target, context, depth)
        : target;
      parts.push(part);
      length = checkedLength(length + part.length);
      at += consumed;
    }
    const [only] = parts;
    return parts.length === 1 && only !== undefined ? only : concatenate(parts);
  }

  /** Replaces the values of records that refer to templates. @param target the records as the loop has rewritten them */
  #mapReferences(
    plan: ReferencePlan,
    holder: AcceptedTemplate,
    from: number,
    end: number,
    target: Uint8Array,
    { scope, faults, ledger }: RecordContext,
    depth: number,
  ): Uint8Array {
    const patched = new PatchedOctets(target);
    for (let [at, written] = [from, 0]; at < end;) {
      this.values += 1 + plan.fields.length;
      const sources = plan.source.places(memoryOctets, at);
      const targets = plan.target.places(target, written);
      const named = plan.named === undefined ? undefined : numberAt(memoryOctets, sources.wanted[plan.named]);
      for (const [index, field] of plan.fields.entries()) {
        const place = targets.wanted[index];
        const source = sources.wanted[field.source];
        if (place === undefined || source === undefined) continue;
        const value: ValueContext = { scope, faults, ledger, holder, named, element: field.name };
        const octets = this.#value(field, target.subarray(place.value, place.end), source, value, depth);
        patched.replace(place, octets, field.variable);
      }
      [at, written] = [sources.end, targets.end];
    }
    return patched.result();
  }

  #value(field: ReferenceField, value: Uint8Array, source: FieldPlace, context: ValueContext, depth: number) {
    switch (field.kind) {
      case "templateId":
        return this.#values.templateId(value, source.value, context);
      case "flowKeyIndicator":
        return this.#values.flowKeys(value, source.value, context);
      default:
        return this.#lists.map(field.kind, source.value, source.end, context, depth + 1);
    }
  }

  #rewrite(template: AcceptedTemplate, counters: number, from: number, end: number): RecordsRewritten {
    const { scratch } = this;
    const program = template.shared.compiled.address;
    return rewriteRecords(program, counters, from, end, scratch, scratch + LONGEST_RECORD, scratch + SCRATCH_LENGTH);
  }

  #planOf(mapping: TemplateMapping): ReferencePlan {
    const known = this.#plans.get(mapping);
    if (known !== undefined) return known;
    const plan = referencePlan(mapping);
    this.#plans.set(mapping, plan);
    return plan;
  }
}
