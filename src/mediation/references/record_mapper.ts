import type { ResolveElement } from "../../ipfix/template_record.ts";
import { acceptsAnything } from "../mapping/dialect.ts";
import { FlowKeyMoves } from "./flow_keys.ts";
import { ListMapper } from "./list_mapper.ts";
import { LONGEST_RECORD, numberOctets, PatchedOctets } from "./record_octets.ts";
import { type FieldPlace, type ReferenceField, type ReferencePlan, referencePlan } from "./reference_fields.ts";
import { type FoundFault, type MappedRecord, type ReferenceScope, Unmappable } from "./reference_scope.ts";
import { memoryOctets } from "../program/loop/memory.ts";
import { answer, rewriteRecords, SCRATCH_LENGTH } from "../program/loop/rewrite_loop.ts";
import type { TemplateMapping } from "../mapping/template_mapping.ts";
import type { AcceptedTemplate } from "../templates/template_entry.ts";

const plans = new WeakMap<TemplateMapping, ReferencePlan>();
const moves = new WeakMap<TemplateMapping, FlowKeyMoves>();

/** What holds while one record is mapped, and what is found on the way. */
export interface RecordContext {
  readonly scope: ReferenceScope;
  readonly faults: FoundFault[];
  readonly ledger: MappedRecord["ledger"][number][];
}

/** The record that a value stands in. */
export interface ValueContext extends RecordContext {
  readonly holder: AcceptedTemplate;
  /** Id that the record's first templateId names; undefined: it has none. */
  readonly named: number | undefined;
  /** Name of the element. */
  readonly element: string;
}

/**
 * Maps data records whose values refer to templates, one by one; others never come here. The rewrite loop makes the target record,
 * then each value that refers is put right:
 *
 * - templateId: the id under which the collector has that template. One that nobody announced stays as it is towards a collector
 *   without limits ({@link acceptsAnything}), where ids never change; towards others it becomes 0, which names no template.
 * - flowKeyIndicator: its bits follow the fields of the template that the record's first templateId names, or else of the record's
 *   own ({@link FlowKeyMoves}). Those of an unknown template stay, or become 0, as its id does.
 * - lists: see {@link ListMapper}.
 *
 * Work and memory are bounded by the octets of the record times the depth to which lists are followed, and by
 * {@link LONGEST_RECORD} for what comes out.
 */
export class RecordMapper {
  readonly #lists: ListMapper;

  /** @param scratch address of twice SCRATCH_LENGTH octets in the loop's memory */
  constructor(readonly scratch: number, resolve: ResolveElement) {
    this.#lists = new ListMapper(resolve, this);
  }

  /**
   * Maps the record at these addresses, which is known to be whole. Nothing is counted before {@link count}.
   *
   * @returns an Unmappable where it cannot go out
   */
  map(template: AcceptedTemplate, scope: ReferenceScope, from: number, end: number): MappedRecord | Unmappable {
    const context: RecordContext = { scope, faults: [], ledger: [] };
    try {
      return { octets: this.record(template, from, end, context, 0), faults: context.faults, ledger: context.ledger };
    } catch (error) {
      if (error instanceof Unmappable) return error;
      throw error;
    }
  }

  /** Adds a record that goes out to the counts of its templates. */
  count({ ledger }: MappedRecord): void {
    for (const { template, from, end } of ledger) this.#rewrite(template, template.counters, from, end);
  }

  /**
   * Records of one template, one behind the other, without a look at what they refer to.
   *
   * @throws Unmappable where there are too many octets
   */
  records(template: AcceptedTemplate, from: number, end: number, context: RecordContext): Uint8Array {
    this.#rewrite(template, 0, from, end);
    if (answer.consumed !== end - from) throw new Unmappable("record_too_long", "a list outgrows its record");
    context.ledger.push({ template, from, end });
    return memoryOctets.slice(this.scratch, this.scratch + answer.produced);
  }

  /** One record with all that it refers to. `depth`: lists around it. */
  record(template: AcceptedTemplate, from: number, end: number, context: RecordContext, depth: number): Uint8Array {
    const target = this.records(template, from, end, context);
    if (!template.references) return target;
    const plan = planOf(template.mapping);
    const sources = plan.source.places(memoryOctets, from);
    const places = plan.target.places(target, 0);
    const named = plan.named === undefined ? undefined : numberAt(memoryOctets, sources[plan.named]);
    const patched = new PatchedOctets(target);
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

  /** The number of a template as the collector knows it, in as many octets. */
  templateId(octets: Uint8Array, at: number, context: ValueContext): Uint8Array {
    const id = numberAt(octets, { start: 0, value: 0, end: octets.length });
    const entry = context.scope.templates.get(id);
    if (entry?.kind === "accepted") return numberOctets(entry.targetId, octets.length);
    if (id === 0) return octets;
    this.#unresolved(id, entry !== undefined, at, context);
    return acceptsAnything(context.holder.dialect) ? octets : new Uint8Array(octets.length);
  }

  /** The bits of a flowKeyIndicator at the places of the collector's template. */
  flowKeys(octets: Uint8Array, at: number, context: ValueContext): Uint8Array {
    const { named, scope, holder, element } = context;
    const entry = named === undefined ? holder : scope.templates.get(named);
    if (entry?.kind !== "accepted") {
      this.#unresolved(named ?? 0, entry !== undefined, at, context);
      return acceptsAnything(holder.dialect) ? octets : new Uint8Array(octets.length);
    }
    const moved = movesOf(entry.mapping).move(octets);
    if (moved.lost > 0) {
      const message = `${moved.lost} flow keys of template ${entry.source.id} have no bit in ${octets.length} octets`;
      context.faults.push({ fault: "flow_key", message, at, lost: element });
    }
    return moved.octets;
  }

  #value(field: ReferenceField, value: Uint8Array, source: FieldPlace, context: ValueContext, depth: number) {
    switch (field.kind) {
      case "templateId":
        return this.templateId(value, source.value, context);
      case "flowKeyIndicator":
        return this.flowKeys(value, source.value, context);
      default:
        return this.#lists.map(field.kind, source.value, source.end, context, depth + 1);
    }
  }

  #unresolved(id: number, refused: boolean, at: number, { faults, holder, element }: ValueContext): void {
    const lost = acceptsAnything(holder.dialect) ? {} : { lost: element };
    faults.push({
      fault: refused ? "refused_template" : "unknown_template",
      message: `${element} refers to template ${id}, which ${refused ? "does not go out" : "was not announced"}`,
      at,
      ...lost,
    });
  }

  #rewrite(template: AcceptedTemplate, counters: number, from: number, end: number): void {
    const { scratch } = this;
    const program = template.compiled.address;
    rewriteRecords(program, counters, from, end, scratch, scratch + LONGEST_RECORD, scratch + SCRATCH_LENGTH);
  }
}

function planOf(mapping: TemplateMapping): ReferencePlan {
  const known = plans.get(mapping);
  if (known !== undefined) return known;
  const plan = referencePlan(mapping);
  plans.set(mapping, plan);
  return plan;
}

function movesOf(mapping: TemplateMapping): FlowKeyMoves {
  const known = moves.get(mapping);
  if (known !== undefined) return known;
  const made = new FlowKeyMoves(mapping);
  moves.set(mapping, made);
  return made;
}

function numberAt(octets: Uint8Array, place: FieldPlace | undefined): number {
  let value = 0;
  for (let at = place?.value ?? 0; at < (place?.end ?? 0); at++) value = value * 256 + (octets[at] ?? 0);
  return value;
}
