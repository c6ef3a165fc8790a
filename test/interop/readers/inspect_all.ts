/** What this project's own decoder finds in an IPFIX file. */
import { type Inspected as Found, Inspector } from "../../../src/offline/inspection.ts";
import { registryHistory } from "../../../src/config/profiles/registries.ts";
import type { Template } from "../../../src/ipfix/record/template.ts";
import type { Value } from "../../../src/ipfix/types/value.ts";

/** A message, template or withdrawal as `inspect` shows it; a record with its template and the values in its order. */
export type Inspected =
  | Exclude<Found, { kind: "record" | "skipped" }>
  | {
    readonly kind: "record";
    readonly offset: number;
    readonly template: Template;
    readonly values: readonly Value[];
  };

/** @throws {Error} where octets are left over, or a set cannot be read */
export function inspectAll(octets: Uint8Array): Inspected[] {
  const inspector = new Inspector(registryHistory().resolve);
  const templates = new Map<string, Template>();
  const all: Inspected[] = [];
  for (let offset = 0; offset < octets.length;) {
    const next = inspector.next(octets.subarray(offset));
    if (next === undefined) throw new Error(`the file ends inside the message at ${offset}`);
    for (const found of next.content) {
      if (found.kind === "skipped") throw new Error(`set ${found.set} at ${found.offset}: ${found.reason}`);
      if (found.kind === "template") templates.set(`${found.observationDomain} ${found.template.id}`, found.template);
      if (found.kind !== "record") all.push(found);
      else {
        const template = templates.get(`${found.observationDomain} ${found.template}`);
        if (template === undefined) throw new Error(`a record of template ${found.template} without it`);
        all.push({ kind: "record", offset: found.offset, template, values: found.fields.map(([, value]) => value) });
      }
    }
    offset += next.length;
  }
  return all;
}
