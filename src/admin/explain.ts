import { decodeValue } from "../ipfix/value.ts";
import { explainMapping, type Explanation } from "../mediation/explanation.ts";
import type { TemplateMapping } from "../mediation/template_mapping.ts";

/** The mapping with the keys of `explain --json`. Octets are hexadecimal text; integers that JSON's readers would round, decimal text. */
export function explain(mapping: TemplateMapping): Explanation {
  return explainMapping(mapping, ({ type }, octets) => {
    const value = decodeValue(type, octets);
    if (value instanceof Uint8Array) return value.toHex();
    if (typeof value !== "bigint") return value;
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value.toString();
  });
}
