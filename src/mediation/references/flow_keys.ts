import type { TemplateMapping } from "../mapping/template_mapping.ts";

/**
 * Maximum number of fields that a flowKeyIndicator covers (RFC 7011 §6.1.1; IANA: unsigned64, bit n for the n-th
 * field).
 */
const INDICATED_FIELDS = 64;

/** A flowKeyIndicator whose bits were moved along with their fields. */
export interface MovedFlowKeys {
  readonly octets: Uint8Array;
  /** Number of key fields that the collector does receive, but at a position beyond the bits of the indicator. */
  readonly lost: number;
}

/** Moves the bits of flowKeyIndicators according to one mapping. */
export class FlowKeyMoves {
  readonly #moves: readonly (readonly [from: number, to: number])[];

  constructor(mapping: TemplateMapping) {
    this.#moves = mapping.fields.flatMap(({ value }, position): [number, number][] =>
      value.from === "record" && value.index < INDICATED_FIELDS ? [[value.index, position]] : []
    );
  }

  /**
   * Returns the indicator for the target template, with the same length. The least significant bit stands for the first
   * field. The bit of a stripped key disappears, an added field is not a key, and a bit that does not fit is lost
   * rather than marking another field.
   *
   * ```ts
   * import assert from "node:assert/strict";
   * import { identity } from "../mapping/template_mapping.ts";
   *
   * const element = { pen: 0, id: 4, name: "protocolIdentifier", type: "unsigned8", length: 1, known: true, enterpriseBit: false } as const;
   * const mapping = identity({ id: 256, scopeFieldCount: 0, fields: [{ element, length: 1 }, { element, length: 1 }] });
   * const moves = new FlowKeyMoves({ ...mapping, fields: mapping.fields.toReversed() });
   * assert.deepEqual(moves.move(Uint8Array.of(0b01)), { octets: Uint8Array.of(0b10), lost: 0 });
   * ```
   */
  move(octets: Uint8Array): MovedFlowKeys {
    const moved = new Uint8Array(octets.length);
    let lost = 0;
    for (const [from, to] of this.#moves) {
      const octet = octets[octets.length - 1 - (from >> 3)] ?? 0;
      if ((octet >> (from & 7) & 1) === 0) continue;
      const place = octets.length - 1 - (to >> 3);
      if (place < 0) lost++;
      else moved[place] = (moved[place] ?? 0) | 1 << (to & 7);
    }
    return { octets: moved, lost };
  }
}
