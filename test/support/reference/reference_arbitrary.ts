/**
 * Sessions whose data speaks of templates: ids, flow keys, lists in lists, most of them right, some broken.
 *
 * @module
 */
import fc from "fast-check";
import { antreaProfile, history, rfc7011, withoutLimits } from "../messages/antrea.ts";
import type { AbstractDataType } from "../../../src/ipfix/types/abstract_data_type.ts";
import type { Profile } from "../../../src/mediation/mapping/profile/profile.ts";
import { kindOf } from "./reference_semantics.ts";
import {
  field,
  join,
  message,
  number,
  set,
  templateSet,
  variable,
  type WireField,
  type WireTemplate,
} from "../messages/wire.ts";

const FIELDS: readonly WireField[] = [
  field("0/7", 2),
  field("0/4", 1),
  field("0/4", 2),
  field("0/48", 4),
  field("0/1", 4),
  field("0/82", 65535),
  field("64512/1", 2),
  field("64512/2", 65535),
  field("0/8", 4),
  field("0/145", 2),
  field("0/145", 1),
  field("0/173", 8),
  field("0/173", 1),
  field("0/291", 65535),
  field("0/292", 65535),
  field("0/293", 65535),
  field("0/292", 5),
  field("0/443", 65535),
];

/** Elements of items in basic lists. */
const ITEMS: readonly WireField[] = [...FIELDS, field("64512/3", 3), field("0/5", 0)];

/** One step of a session: a template under this number of 0 to 5, or data of it. */
export type ReferenceStep =
  | {
    readonly kind: "template";
    readonly index: number;
    readonly fields: readonly WireField[];
    readonly scope: boolean;
  }
  | { readonly kind: "withdrawal"; readonly index: number }
  | { readonly kind: "data"; readonly index: number; readonly seeds: readonly number[] };

const index = fc.nat(5);
const template = fc.record({
  kind: fc.constant("template" as const),
  index,
  fields: fc.array(fc.constantFrom(...FIELDS), { minLength: 1, maxLength: 7, size: "max" }),
  scope: fc.nat(4).map((roll) => roll === 4),
});
const data = fc.record({
  kind: fc.constant("data" as const),
  index,
  seeds: fc.array(fc.nat(), { minLength: 1, maxLength: 4, size: "max" }),
});
const withdrawal = fc.record({ kind: fc.constant("withdrawal" as const), index });

/** The messages of a session, each with its sets: all six templates first. */
export const referenceSessions: fc.Arbitrary<ReferenceStep[][]> = fc.tuple(
  fc.array(template, { minLength: 6, maxLength: 6 }),
  fc.array(
    fc.array(
      fc.oneof({ weight: 8, arbitrary: data }, { weight: 1, arbitrary: template }, {
        weight: 1,
        arbitrary: withdrawal,
      }),
      { minLength: 1, maxLength: 4 },
    ),
    { maxLength: 5 },
  ),
).map(([first, rest]) => [first.map((step, place) => ({ ...step, index: place })), ...rest]);

const lessThanAll = { undecodableTypes: new Set<AbstractDataType>(["float32"]) };

/**
 * Collectors with and without limits, to which templates change and to which they do not, by a name that is short to
 * print.
 */
export const REFERENCE_COLLECTORS: Readonly<Record<string, Profile>> = {
  "no limits": rfc7011,
  "no float32": { ...rfc7011, dialect: { ...rfc7011.dialect, ...lessThanAll } },
  "known to v2.0": withoutLimits("v2.0.0"),
  "known to v2.7, no float32": withoutLimits("v2.7.0", lessThanAll),
  "shared ids": withoutLimits("v2.0.0", { templateScope: "observation-domain" }),
  "lengths of the registry": withoutLimits("v2.7.0", { fieldLengths: "registry" }),
  "no options, one message a write": withoutLimits("v2.0.0", { optionsTemplates: false, messagesPerWrite: 1 }),
  "no basicList, one set a message": withoutLimits("v2.0.0", {
    undecodableTypes: new Set(["basicList"]),
    setsPerMessage: 1,
    setPadding: false,
  }),
  "v1.15": antreaProfile("v1.15.2"),
  "v2.7": antreaProfile("v2.7.0"),
};

/** The octets of a session. */
export function writeReferences(messages: readonly (readonly ReferenceStep[])[]): Uint8Array {
  const templates = new Map<number, WireTemplate>();
  let sequenceNumber = 0;
  return join(...messages.map((steps) => {
    let records = 0;
    const sets = steps.map((step): Uint8Array => {
      const id = 256 + step.index;
      if (step.kind === "withdrawal") {
        const { scope = 0 } = templates.get(id) ?? {};
        templates.delete(id);
        return set(scope > 0 ? 3 : 2, join(number(id, 2), number(0, 2)));
      }
      if (step.kind === "template") {
        const announced: WireTemplate = { id, scope: step.scope ? 1 : 0, fields: step.fields };
        templates.set(id, announced);
        return templateSet(announced);
      }
      const own = templates.get(id);
      if (own === undefined) return set(id, number(0, 3));
      records += step.seeds.length;
      return set(id, join(...step.seeds.map((seed) => new Writer(templates, seed).record(own, 0))));
    });
    const octets = message({ sequenceNumber }, ...sets);
    sequenceNumber += records;
    return octets;
  }));
}

/** Writes records whose values follow from a seed. */
class Writer {
  #state: number;
  /** Octets that lists may still take. */
  #left = 3_000;

  constructor(readonly templates: ReadonlyMap<number, WireTemplate>, seed: number) {
    this.#state = seed >>> 0;
  }

  record({ fields }: WireTemplate, depth: number): Uint8Array {
    return join(...fields.map((one) => this.#framed(one, depth)));
  }

  #random(below: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(this.#state / 2 ** 32 * below);
  }

  #framed(one: WireField, depth: number): Uint8Array {
    const value = this.#value(one, depth);
    return one.length === 65535 ? variable(value, this.#random(8) === 0) : fitted(value, one.length);
  }

  #value(one: WireField, depth: number): Uint8Array {
    switch (kindOf(history, one)) {
      case "templateId":
        return number(this.#random(9) === 0 ? 0 : this.#id(), 2);
      case "flowKeyIndicator":
        return join(this.#octets(6), number(this.#random(256), 2));
      case "basicList":
        return this.#broken(this.#basicList(depth + 1));
      case "subTemplateList":
        return this.#broken(join(number(this.#random(6), 1), this.#records(false, depth + 1)));
      case "subTemplateMultiList": {
        const blocks = Array.from({ length: this.#random(4) }, () => this.#records(true, depth + 1));
        return this.#broken(join(number(255, 1), ...blocks));
      }
      default:
        return this.#octets(one.length === 65535 ? this.#random(12) : one.length);
    }
  }

  /** Ids of the six templates, and of two that nobody announces. */
  #id(): number {
    return 256 + this.#random(8);
  }

  #octets(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.#random(256));
  }

  #isSpent(depth: number): boolean {
    return depth > 10 || this.#left < 0 || this.#random(10) < depth;
  }

  #records(hasLength: boolean, depth: number): Uint8Array {
    const id = this.#id();
    const template = this.templates.get(id);
    const count = this.#isSpent(depth) ? 0 : 1 + this.#random(3);
    const content = template === undefined
      ? this.#octets(count * 3)
      : join(...Array.from({ length: count }, () => this.record(template, depth)));
    this.#left -= content.length;
    return join(number(id, 2), hasLength ? number(content.length + 4, 2) : new Uint8Array(), content);
  }

  #basicList(depth: number): Uint8Array {
    const item = ITEMS[this.#random(ITEMS.length)] ?? field("0/7", 2);
    const count = this.#isSpent(depth) || item.length === 0 ? 0 : this.#random(4);
    const specifier = join(
      number(item.id + (item.enterpriseBit ? 0x8000 : 0), 2),
      number(item.length, 2),
      item.enterpriseBit ? number(item.pen, 4) : new Uint8Array(),
    );
    const items = Array.from({ length: count }, () => this.#framed(item, depth));
    const octets = join(number(3, 1), specifier, ...items);
    this.#left -= octets.length;
    return octets;
  }

  /** One list in ten is cut, or has an octet that it should not have. */
  #broken(octets: Uint8Array): Uint8Array {
    const roll = this.#random(30);
    if (roll === 0) return octets.slice(0, this.#random(octets.length + 1));
    if (roll === 1) return join(octets, this.#octets(1));
    if (roll === 2) return octets.with(this.#random(octets.length), this.#random(256));
    return octets;
  }
}

/** As many octets of the value as a fixed field has, the last ones. */
function fitted(value: Uint8Array, length: number): Uint8Array {
  return value.length >= length
    ? value.slice(value.length - length)
    : join(new Uint8Array(length - value.length), value);
}
