import type { TemplateMapping } from "../mapping/template_mapping.ts";

/** Information elements that a flowKeyIndicator can speak of (RFC 7011 §6.1.1, IANA: unsigned64, bit n for the n-th field). */
const INDICATED_FIELDS = 64;

/** Bits of a flowKeyIndicator after they have followed their fields. */
export interface MovedFlowKeys {
  readonly octets: Uint8Array;
  /** Keys that the collector does get, but at a place that the octets have no bit for. */
  readonly lost: number;
}

/** How the bits move with one mapping. */
export class FlowKeyMoves {
  readonly #moves: readonly (readonly [from: number, to: number])[];

  constructor(mapping: TemplateMapping) {
    this.#moves = mapping.fields.flatMap(({ value }, position): [number, number][] =>
      value.from === "record" && value.index < INDICATED_FIELDS ? [[value.index, position]] : []
    );
  }

  /**
   * The indicator of the target template, in as many octets: the least significant bit stands for the first field. A key that was
   * stripped has no bit any more, what was added is no key, and a bit that does not fit vanishes: no other field is ever marked.
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
