import type { Registry } from "../../ipfix/registry/registry.ts";
import type { Template } from "../../ipfix/record/template.ts";
import type { Dialect } from "../../mediation/mapping/profile/dialect.ts";
import { detectAntreaRelease } from "./antrea_eras.ts";
import { ANTREA_RELEASES, antreaRelease } from "./antrea_releases.ts";
import { shippedRegistry } from "./registries.ts";

const ANTREA_PEN = 56506;

/**
 * The registry that a collector of these templates most likely has.
 *
 * - Templates of an Antrea release: the registry of its newest release with this dialect; where none has it, of the
 *   first line.
 * - Other templates with Antrea's elements, or a dialect that decodes by the registry's lengths, as only go-ipfix does:
 *   the newest go-ipfix registry with this dialect that matches most fields in element and length.
 * - Otherwise IANA's.
 */
export function likelyRegistry(templates: readonly Template[], dialect: Dialect): Registry {
  const ofDialect = ANTREA_RELEASES.filter((release) => release.dialect === dialect.name);
  const eras = new Set(templates.map((template) => detectAntreaRelease(template)?.profile));
  const newestEra = ANTREA_RELEASES.findLast(({ era }) => eras.has(era))?.era;
  if (newestEra !== undefined) {
    const release = ofDialect.findLast(({ era }) => era === newestEra) ?? antreaRelease(newestEra);
    if (release !== undefined) return shipped(release.registry);
  }
  const fields = templates.flatMap((template) => template.fields);
  const ofAntrea = fields.some(({ element }) => element.pen === ANTREA_PEN);
  if (!ofAntrea && dialect.fieldLengths === "template") return shipped("iana");
  const releases = ofDialect.length > 0 ? ofDialect : ANTREA_RELEASES;
  const newestFirst = [...new Set(releases.map(({ registry }) => registry))].reverse().map(shipped);
  const fitting = newestFirst.map((registry) =>
    fields.filter(({ element: { pen, id }, length }) => registry.lookup(pen, id)?.length === length).length
  );
  return newestFirst[fitting.indexOf(Math.max(...fitting))] ?? shipped("iana");
}

function shipped(name: string): Registry {
  const registry = shippedRegistry(name);
  if (registry === undefined) throw new Error(`the registry ${name} does not ship with the program`);
  return registry;
}
