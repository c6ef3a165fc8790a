import { acceptsAnything } from "../mapping/profile/dialect.ts";
import type { TemplateMapping } from "../mapping/template_mapping.ts";
import { FlowKeyMoves } from "./flow_keys.ts";
import { numberOctets } from "./record_octets.ts";
import type { FieldPlace } from "./reference_fields.ts";
import type { ValueContext } from "./reference_scope.ts";

/**
 * Maps single values that refer to a template (RFC 7119 §10.2), whether in a record or in a list.
 *
 * - templateId: becomes the id under which the collector has that template. An id that the session never announced
 *   stays unchanged towards a collector without limits ({@link acceptsAnything}), where ids never change; otherwise it
 *   becomes 0, which names no template.
 * - flowKeyIndicator: its bits follow the fields of the template named by the record's first templateId, or else of the
 *   record's own template. For an unknown template the bits stay or become 0, like its id.
 */
export class ValueMapper {
  readonly #moves = new WeakMap<TemplateMapping, FlowKeyMoves>();

  /**
   * Translates a templateId (element 145) to the collector's id, with the same length.
   *
   * @param at address of the value in the source record, for fault reports
   */
  templateId(octets: Uint8Array, at: number, context: ValueContext): Uint8Array {
    const id = numberAt(octets, { start: 0, value: 0, end: octets.length });
    const entry = context.scope.templates.get(id);
    if (entry?.kind === "accepted") return numberOctets(entry.shared.targetId, octets.length);
    if (id === 0) return octets;
    this.#unresolved(id, entry !== undefined, at, context);
    return acceptsAnything(context.holder.shared.dialect) ? octets : new Uint8Array(octets.length);
  }

  /**
   * Translates a flowKeyIndicator (element 173) to the field positions of the collector's template.
   *
   * @param at address of the value in the source record, for fault reports
   */
  flowKeys(octets: Uint8Array, at: number, context: ValueContext): Uint8Array {
    const { named, scope, holder, element } = context;
    const entry = named === undefined ? holder : scope.templates.get(named);
    if (entry?.kind !== "accepted") {
      this.#unresolved(named ?? 0, entry !== undefined, at, context);
      return acceptsAnything(holder.shared.dialect) ? octets : new Uint8Array(octets.length);
    }
    const moved = this.#movesOf(entry.shared.mapping).move(octets);
    if (moved.lost > 0) {
      const { lost } = moved;
      context.faults.note(
        "flow_key",
        at,
        element,
        () => `${lost} flow keys of template ${entry.source.id} have no bit in ${octets.length} octets`,
      );
    }
    return moved.octets;
  }

  #unresolved(id: number, refused: boolean, at: number, { faults, holder, element }: ValueContext): void {
    faults.note(
      refused ? "refused_template" : "unknown_template",
      at,
      acceptsAnything(holder.shared.dialect) ? undefined : element,
      () => `${element} refers to template ${id}, which ${refused ? "does not go out" : "was not announced"}`,
    );
  }

  #movesOf(mapping: TemplateMapping): FlowKeyMoves {
    const known = this.#moves.get(mapping);
    if (known !== undefined) return known;
    const moves = new FlowKeyMoves(mapping);
    this.#moves.set(mapping, moves);
    return moves;
  }
}

/** Decodes the unsigned number in network byte order at this place; 0 if there is no place. */
export function numberAt(octets: Uint8Array, place: FieldPlace | undefined): number {
  let value = 0;
  for (let at = place?.value ?? 0; at < (place?.end ?? 0); at++) value = value * 256 + (octets[at] ?? 0);
  return value;
}
