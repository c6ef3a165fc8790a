import { explainMapping, type Explanation } from "../../mediation/mapping/explanation.ts";
import type { TemplateMapping } from "../../mediation/mapping/template_mapping.ts";
import { jsonValue } from "./lost_value.ts";

/** The mapping with the keys of `explain --json`; values as {@link jsonValue} gives them. */
export function explain(mapping: TemplateMapping): Explanation {
  return explainMapping(mapping, ({ type }, octets) => jsonValue(type, octets));
}
