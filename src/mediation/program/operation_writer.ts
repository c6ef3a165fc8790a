import type { FieldSpecifier } from "../../ipfix/record/template.ts";
import { isSigned, VARIABLE_LENGTH } from "../../ipfix/types/abstract_data_type.ts";
import { narrowedSigns, readType } from "../mapping/conversion.ts";
import { sessionFactOctets, type SessionFactValues } from "../mapping/session_fact.ts";
import type { MappedField } from "../mapping/template_mapping.ts";
import { entryWords, type Place, Places } from "./record_places.ts";
import { COUNTER_LENGTH, type LostElement, valueOffset } from "./rewrite_program.ts";

const OPERATION_WORDS = 4;

/** Codes of the operations, which {@link RewriteProgram} documents. */
export const Operation = {
  end: 0,
  flush: 1,
  skip: 2,
  constant: 3,
  cutVariable: 4,
  cutOctets: 5,
  cutTrue: 6,
  copy: 7,
  widenUnsigned: 8,
  widenSigned: 9,
  widenFloat: 10,
  toVariable: 11,
  secondsToMilliseconds: 12,
  keepVariable: 13,
  keepOctets: 14,
  countOnce: 15,
  narrow: 16,
} as const;

/** ::ffff:0:0/96, which makes an IPv6 address of an IPv4 address (RFC 4291 §2.5.5.2). */
const IPV4_MAPPED = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff);

/** An operation whose places are not resolved to words of a log entry yet. */
interface PlacedOperation {
  readonly code: number;
  readonly place: Place;
  readonly a: number | Place;
  readonly b: number;
}

/**
 * Collects operations. A position is that of a source field and stands for where it begins; after the last one, for the
 * record's end.
 */
export class OperationWriter {
  /** Octets of all constants. */
  constantsLength = 0;
  growth = 0;
  readonly places: Places;
  readonly #operations: PlacedOperation[] = [];
  readonly #constants: Uint8Array[] = [];
  /** Position of a field that may lose its value → index of its element, and offset of the counter that adds to. */
  readonly #counters = new Map<number, { readonly element: number; readonly offset: number }>();
  /** Offset of an element's count within a record → offset of the element's counter. */
  readonly #repeated = new Map<number, number>();

  constructor(
    readonly source: readonly FieldSpecifier[],
    readonly facts: SessionFactValues,
    readonly counted: readonly LostElement[],
    readonly keepsValues: boolean,
  ) {
    this.places = new Places(source);
    for (const [element, { positions }] of counted.entries()) {
      let offset = (1 + element) * COUNTER_LENGTH;
      if (positions.length > 1) {
        const within = (1 + counted.length + this.#repeated.size) * COUNTER_LENGTH;
        this.#repeated.set(within, offset);
        offset = within;
      }
      for (const position of positions) this.#counters.set(position, { element, offset });
    }
  }

  /** Octets of the operations, including the one that ends them. */
  get length(): number {
    return (this.#operations.length + 1) * OPERATION_WORDS * 4;
  }

  /** The operations as 32-bit words. @param constantsAt octet of the program at which the constants begin */
  words(marks: readonly number[], constantsAt: number): number[] {
    const wordOf = entryWords(marks);
    const words: number[] = [];
    for (const { code, place, a, b } of this.#operations) {
      words.push(code | wordOf(place) << 8, place.offset);
      if (typeof a !== "number") words.push(wordOf(a), a.offset);
      else words.push(a, code === Operation.constant || code === Operation.narrow ? b + constantsAt : b);
    }
    words.push(Operation.end, 0, 0, 0);
    return words;
  }

  /** Puts the octets of all constants there, one behind the other. */
  putConstants(into: Uint8Array, at: number): void {
    for (const octets of this.#constants) {
      into.set(octets, at);
      at += octets.length;
    }
  }

  operation(code: number, position: number, a = 0, b = 0): void {
    this.#operations.push({ code, place: this.places.of(position), a, b });
  }

  /** Moves the octets between two places. */
  copy(from: number, to: number): void {
    this.#operations.push({ code: Operation.copy, place: this.places.of(from), a: this.places.of(to), b: 0 });
  }

  /** Leaves a field out. The ledger counts it when it carried something other than its type's default. */
  cut(position: number): void {
    const { element, length } = this.#field(position);
    if (length === 0) return;
    const counter = this.#counters.get(position);
    if (counter === undefined) throw new RangeError(`source field ${position} is not lost`);
    const { offset } = counter;
    // A boolean is counted only when it is true, so its value need not be stored.
    if (this.keepsValues && !(element.type === "boolean" && length === 1)) {
      const at = valueOffset(this, counter.element);
      if (length === VARIABLE_LENGTH) this.operation(Operation.keepVariable, position, at);
      else this.operation(Operation.keepOctets, position, at, length);
    }
    if (length === VARIABLE_LENGTH) this.operation(Operation.cutVariable, position, offset);
    else if (element.type === "boolean" && length === 1) this.operation(Operation.cutTrue, position, offset);
    else this.operation(Operation.cutOctets, position, offset, length);
  }

  /** Counts a record, whose fields have all been cut, once for each element of which several fields are lost. */
  countOnce(): void {
    for (const [within, counter] of this.#repeated) {
      this.operation(Operation.countOnce, this.source.length, within, counter);
    }
  }

  /**
   * Writes a field whose value does not come from the record.
   *
   * @param at position before which everything is written or skipped
   */
  made({ target, value }: MappedField, at: number): void {
    if (value.from === "constant") {
      this.#constant(target.length === VARIABLE_LENGTH ? withLength(value.octets) : value.octets, at);
    } else if (value.from === "session") this.#constant(sessionFactOctets(value.fact, this.facts), at);
  }

  /** Writes a field whose source is converted. @param at as for {@link made} */
  converted({ target, value }: MappedField, at: number): void {
    if (value.from !== "record") throw new RangeError("a conversion needs a source field");
    const { index, convert } = value;
    const field = this.#field(index);
    switch (convert) {
      case "to-variable":
        this.operation(Operation.toVariable, index, field.length);
        this.growth += field.length < 255 ? 1 : 3;
        break;
      case "seconds-to-milliseconds":
        this.operation(Operation.secondsToMilliseconds, index);
        this.growth += 4;
        break;
      case "ipv4-to-ipv6":
        this.#constant(IPV4_MAPPED, at);
        this.copy(index, index + 1);
        break;
      case "widen": {
        const type = field.element.known ? readType(field, target.element) : target.element.type;
        if (type === "float32" || type === "float64") this.operation(Operation.widenFloat, index);
        else {
          const code = isSigned(type) ? Operation.widenSigned : Operation.widenUnsigned;
          this.operation(code, index, field.length, target.length);
        }
        this.growth += target.length - field.length;
        break;
      }
      case "narrow":
        this.#narrowed(index, field, target, value.otherwise ?? new Uint8Array(target.length));
        break;
      case undefined:
        throw new RangeError("a field without conversion belongs to a run");
    }
  }

  #narrowed(position: number, field: FieldSpecifier, target: FieldSpecifier, otherwise: Uint8Array): void {
    const signs = narrowedSigns(field, target);
    const counter = this.#counters.get(position);
    if (signs === undefined || counter === undefined) throw new RangeError(`source field ${position} is not narrowed`);
    const value = this.keepsValues ? valueOffset(this, counter.element) : 0;
    const operand = field.length | target.length << 16 | ((signs.source ? 1 : 0) + (signs.target ? 2 : 0)) << 24;
    const offsets = new Uint8Array(Uint32Array.of(counter.offset, value).buffer);
    this.operation(Operation.narrow, position, operand, this.#store(Uint8Array.of(...offsets, ...otherwise)));
  }

  #constant(octets: Uint8Array, at: number): void {
    this.operation(Operation.constant, at, octets.length, this.#store(octets));
    this.growth += octets.length;
  }

  /** Puts octets among the constants. @returns the offset at which they begin there */
  #store(octets: Uint8Array): number {
    const offset = this.constantsLength;
    this.#constants.push(octets);
    this.constantsLength += octets.length;
    return offset;
  }

  #field(position: number): FieldSpecifier {
    const field = this.source[position];
    if (field === undefined) throw new RangeError(`there is no source field ${position}`);
    return field;
  }
}

/** The octets after their length octets (RFC 7011 §7). */
function withLength(octets: Uint8Array): Uint8Array {
  const prefix = octets.length < 255 ? [octets.length] : [255, octets.length >> 8, octets.length & 0xff];
  return Uint8Array.from([...prefix, ...octets]);
}
