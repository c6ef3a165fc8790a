import { history } from "../../support/messages/antrea.ts";
import { kindOf } from "../../support/reference/reference_semantics.ts";
import { join, number, type WireField, type WireTemplate } from "../../support/messages/wire.ts";
import type { Lies } from "./lies.ts";
import type { Random } from "./random.ts";
import { drawField } from "./wire_elements.ts";

/** Lists in one another; the proxy follows eight. */
const DEEPEST = 14;
const NOTHING = new Uint8Array(0);

/** Writes data records with any values: lists in lists, texts in either form of length, extremes. */
export class RecordWriter {
  /** Octets that values of any length may still take in the present message. */
  room = 0;

  /** @param templateOf the templates of the present observation domain, by id */
  constructor(
    readonly random: Random,
    readonly lies: Lies,
    readonly templateOf: (id: number) => WireTemplate | undefined,
    readonly drawId: () => number,
  ) {}

  record({ fields }: WireTemplate, depth = 0): Uint8Array {
    const octets = join(...fields.map((field) => this.#framed(field, depth)));
    this.room -= octets.length;
    return octets;
  }

  #framed(field: WireField, depth: number): Uint8Array {
    if (field.length !== 65535) return fitted(this.#value(field, depth), field.length);
    const value = this.#value(field, depth);
    const length = this.lies.about(value.length, 2);
    if (length < 255 && !this.random.oneIn(8)) return join(number(length, 1), value);
    return join(number(255, 1), number(length, 2), value);
  }

  #value(field: WireField, depth: number): Uint8Array {
    switch (kindOf(history, field)) {
      case "templateId":
        return number(this.random.oneIn(9) ? 0 : this.drawId(), 2);
      case "flowKeyIndicator":
        return this.random.octets(8);
      case "basicList":
        return this.#basicList(depth + 1);
      case "subTemplateList":
        return join(number(this.random.below(6), 1), number(this.drawId(), 2), this.#records(undefined, depth + 1));
      case "subTemplateMultiList":
        return join(number(255, 1), ...this.random.list(this.#count(depth + 1), () => this.#block(depth + 1)));
      default:
        return this.#plain(field.length);
    }
  }

  #plain(length: number): Uint8Array {
    const { random } = this;
    const octets = length !== 65535
      ? length
      : random.oneIn(400)
      ? Math.min(Math.max(0, this.room), random.below(60_000))
      : random.oneIn(10)
      ? random.pick([0, 254, 255, 256, 700])
      : random.below(24);
    if (random.oneIn(6)) return new Uint8Array(octets).fill(random.pick([0, 0xff, 1, 2, 0x80]));
    return random.octets(octets);
  }

  /**
   * Entries of a list: fewer the deeper it lies, so that one list in a hundred reaches the depth that is not followed.
   */
  #count(depth: number): number {
    if (depth > DEEPEST || this.room < 0) return 0;
    // Deep and narrow, or shallow and wide.
    return this.random.oneIn(3) ? this.random.below(4) : 1;
  }

  #records(id: number | undefined, depth: number): Uint8Array {
    const template = this.templateOf(id ?? this.drawId());
    const count = this.#count(depth);
    if (template === undefined) return this.random.octets(3 * count);
    return join(...this.random.list(count, () => this.record(template, depth)));
  }

  #block(depth: number): Uint8Array {
    const id = this.drawId();
    const content = this.#records(id, depth);
    return join(number(id, 2), number(this.lies.about(content.length + 4, 2), 2), content);
  }

  #basicList(depth: number): Uint8Array {
    const item = this.random.oneIn(2)
      ? { pen: 0, id: this.random.between(291, 293), enterpriseBit: false, length: 65535 }
      : drawField(this.random);
    const count = item.length === 0 ? 0 : item.length > 300 && item.length !== 65535 ? 1 : this.#count(depth);
    return join(
      number(this.random.below(6), 1),
      number(item.id + (item.enterpriseBit ? 0x8000 : 0), 2),
      number(this.lies.about(item.length, 2), 2),
      item.enterpriseBit ? number(item.pen, 4) : NOTHING,
      ...this.random.list(count, () => this.#framed(item, depth)),
    );
  }
}

/** The value in exactly so many octets. */
function fitted(value: Uint8Array, length: number): Uint8Array {
  if (value.length === length) return value;
  return value.length > length
    ? value.slice(value.length - length)
    : join(new Uint8Array(length - value.length), value);
}
