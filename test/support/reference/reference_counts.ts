import type { RegistryHistory } from "../../../src/ipfix/registry/registry.ts";
import type { DropReason, ReferenceFault, TemplateOutcome } from "../../../src/mediation/templates/event.ts";
import type { ReferenceMapping } from "./reference_mapping.ts";
import type { Findings } from "./reference_semantics.ts";
import { layoutOf, type WireField, type WireTemplate } from "../messages/wire.ts";

/** What a session must have counted, apart from what it dropped. */
export class ReferenceCounts {
  recordsReceived = 0;
  gaps = 0;
  /** Template records with fields, repeated ones too. */
  learned = 0;
  readonly templates = new Map<TemplateOutcome, number>();
  readonly stripped = new Map<string, number>();
  readonly padded = new Map<string, number>();
  readonly lost = new Map<string, number>();
  readonly faults = new Map<ReferenceFault, number>();

  /** A template was announced; `before`: what stood under its id. */
  template(source: WireTemplate, outcome: ReferenceMapping | DropReason, before: WireTemplate | undefined): void {
    this.learned++;
    if (before !== undefined && layoutOf(before) === layoutOf(source)) return;
    if (before !== undefined) count(this.templates, "replaced");
    count(
      this.templates,
      typeof outcome === "string" ? "refused" : isIdentity(source, outcome) ? "identity" : "rewritten",
    );
  }

  /** A record was rewritten. */
  record(
    source: WireTemplate,
    mapping: ReferenceMapping,
    values: readonly Uint8Array[],
    history: RegistryHistory,
  ): void {
    const nameOf = ({ pen, id, length, enterpriseBit }: WireField) => history.resolve(pen, id, length, enterpriseBit);
    const used = new Set(mapping.values.map((value) => value.from === "record" ? value.index : undefined));
    mapping.values.forEach((value, position) => {
      const target = mapping.target.fields[position];
      if (value.from === "default" && target !== undefined) count(this.padded, nameOf(target).name);
    });
    const lost = new Set<string>();
    for (const value of mapping.values) {
      const field = value.from === "record" ? source.fields[value.index] : undefined;
      if (value.from !== "record" || value.fits === undefined || field === undefined) continue;
      if (!value.fits(values[value.index] ?? new Uint8Array())) lost.add(nameOf(field).name);
    }
    source.fields.forEach((field, index) => {
      if (used.has(index)) return;
      const { name, type } = nameOf(field);
      count(this.stripped, name);
      const octets = values[index] ?? new Uint8Array();
      // A boolean has one octet (RFC 7011 §6.1.5): in any other length nothing is known of its values.
      const carries = type === "boolean" && field.length === 1
        ? octets[0] === 1
        : field.length === 65535
        ? octets.length > 0
        : octets.some((octet) => octet !== 0);
      if (carries) lost.add(name);
    });
    for (const name of lost) count(this.lost, name);
  }

  /** References in a record that was rewritten. */
  references({ embedded, faults, lost }: Findings, history: RegistryHistory): void {
    for (const { source, mapping, values } of embedded) this.record(source, mapping, values, history);
    for (const fault of faults) count(this.faults, fault);
    for (const name of lost) count(this.lost, name);
  }

  add(other: ReferenceCounts): void {
    this.recordsReceived += other.recordsReceived;
    this.learned += other.learned;
    for (const [key, amount] of other.templates) count(this.templates, key, amount);
    for (const [key, amount] of other.stripped) count(this.stripped, key, amount);
    for (const [key, amount] of other.padded) count(this.padded, key, amount);
    for (const [key, amount] of other.lost) count(this.lost, key, amount);
    for (const [key, amount] of other.faults) count(this.faults, key, amount);
  }
}

/** Whether records go out as they came, under the same id. */
export function isIdentity(source: WireTemplate, { target, values }: ReferenceMapping): boolean {
  return layoutOf(source) === layoutOf(target) &&
    values.every((value, position) => value.from === "record" && value.index === position);
}

function count<Key>(counts: Map<Key, number>, key: Key, amount = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + amount);
}
