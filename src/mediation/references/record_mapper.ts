import type { ResolveElement } from "../../ipfix/record/template_record.ts";
import { ListMapper, type ListRecords } from "./list_mapper.ts";
import { LONGEST_RECORD, PatchedOctets } from "./record_octets.ts";
import { type FieldPlace, type ReferenceField, type ReferencePlan, referencePlan } from "./reference_fields.ts";
import {
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
 * produces the target record, then each value that refers to a template is replaced: see {@link ValueMapper} and {@link
 * ListMapper}.
 *
 * Work and memory are bounded by the record's length times the maximum list depth, and the result by {@link
 * LONGEST_RECORD}.
 */
export class RecordMapper implements ListRecords {
  /** Values that the last call of {@link map} has mapped, which say how much work it was. */
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
  map(template: AcceptedTemplate, scope: ReferenceScope, from: number, end: number): MappedRecord | Unmappable {
    const context: RecordContext = { scope, faults: [], ledger: [] };
    this.values = 0;
    try {
      return { octets: this.record(template, from, end, context, 0), faults: context.faults, ledger: context.ledger };
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
   * Maps consecutive records of one template, ignoring what they refer to.
   *
   * @throws Unmappable if the result is too long
   */
  records(template: AcceptedTemplate, from: number, end: number, context: RecordContext): Uint8Array {
    const { consumed, produced } = this.#rewrite(template, 0, from, end);
    if (consumed !== end - from) throw new Unmappable("record_too_long", "a list outgrows its record");
    context.ledger.push({ template, from, end });
    return memoryOctets.slice(this.scratch, this.scratch + produced);
  }

  /** Maps one record and everything it refers to. `depth`: number of lists around it. */
  record(template: AcceptedTemplate, from: number, end: number, context: RecordContext, depth: number): Uint8Array {
    this.values++;
    const target = this.records(template, from, end, context);
    if (!template.shared.references) return target;
    const plan = this.#planOf(template.shared.mapping);
    const sources = plan.source.places(memoryOctets, from);
    const places = plan.target.places(target, 0);
    const named = plan.named === undefined ? undefined : numberAt(memoryOctets, sources[plan.named]);
    const patched = new PatchedOctets(target);
    this.values += plan.fields.length;
    for (const [index, field] of plan.fields.entries()) {
      const place = places[index];
      const source = sources[field.source];
      if (place === undefined || source === undefined) continue;
      const { scope, faults, ledger } = context;
      const value: ValueContext = { scope, faults, ledger, holder: template, named, element: field.name };
      const octets = this.#value(field, target.subarray(place.value, place.end), source, value, depth);
      patched.replace(place, octets, field.variable);
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
