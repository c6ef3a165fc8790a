import type { InformationElement } from "../../ipfix/information_element.ts";
import type { Template } from "../../ipfix/template.ts";
import type { Dialect } from "../../mediation/mapping/dialect.ts";
import { detectAntreaRelease } from "./antrea_eras.ts";
import { learnFields, type LearntFields } from "./learnt_fields.ts";
import { likelyRegistry } from "./learnt_registry.ts";
import type { ElementChoice } from "./profile_schema.ts";
import { isSourceAddress, selectLists } from "./template_selection.ts";

/** A template that a collector was seen to be sent. */
export interface SeenTemplate {
  readonly observationDomain: number;
  readonly template: Template;
}

/** One template of a learnt profile. */
export interface LearntTemplate {
  readonly name: string;
  readonly selectedBy: string;
  readonly fields: readonly ElementChoice[];
  /** Where it was seen: `template 256 of observation domain 7`. */
  readonly seen: string;
}

/** A profile as its file will say it, and what a person has to know of it. */
export interface LearntProfile {
  readonly name: string;
  readonly dialect: string;
  /** As a profile file names it. */
  readonly registry: string;
  /** In the order in which they are tried; none where no template can be said in a profile. */
  readonly templates: readonly LearntTemplate[];
  /** The Antrea releases whose templates these are; undefined: not all of them are the same releases'. */
  readonly antrea: { readonly profile: string; readonly range: string } | undefined;
  /** What the profile leaves out or says otherwise, a sentence each. */
  readonly notes: readonly string[];
}

interface Layout {
  readonly seen: SeenTemplate[];
  readonly fields: LearntFields;
}

/**
 * The profile of a collector that takes these templates: each layout once, in the order in which it was first seen, except where
 * that order would hide one behind another.
 *
 * @param name of the profile
 * @param dialect what the collector's decoder can take
 */
export function learnProfile(seen: readonly SeenTemplate[], name: string, dialect: Dialect): LearntProfile {
  const notes: string[] = [];
  const templates = seen.filter((one) => {
    if (one.template.scopeFieldCount === 0) return true;
    notes.push(`Options ${placeOf(one)} is left out: profiles list no options templates, these keep their own shape.`);
    return false;
  });
  const registry = likelyRegistry(templates.map(({ template }) => template), dialect);
  const layouts = new Map<string, Layout>();
  for (const one of templates) {
    const fields = learnFields(one.template.fields, registry, dialect);
    noteFields(one, fields, dialect, notes);
    if (fields.choices.length === 0) continue;
    const key = JSON.stringify(fields.choices);
    const standing = layouts.get(key);
    if (standing === undefined) layouts.set(key, { seen: [one], fields });
    else standing.seen.push(one);
  }
  return {
    name,
    dialect: dialect.name,
    registry: registry.name,
    templates: named([...layouts.values()], notes),
    antrea: antreaOf(templates, notes),
    notes,
  };
}

function noteFields(one: SeenTemplate, fields: LearntFields, dialect: Dialect, notes: string[]): void {
  const { choices, elements, leftOut, changed } = fields;
  const place = `T${placeOf(one).slice(1)}`;
  if (choices.length === 0) {
    notes.push(`${place} is left out, since a profile can say none of its fields: ${leftOut.join(", ")}.`);
    return;
  }
  if (leftOut.length > 0) notes.push(`${place} lacks what a profile cannot say: ${leftOut.join(", ")}.`);
  if (changed.length > 0) {
    notes.push(`${place} has ${changed.join(", ")}: the dialect ${dialect.name} decodes by the registry's lengths.`);
  }
  const typed = (of: readonly InformationElement[]) => of.map(({ name, type }) => `${name} (${type})`).join(", ");
  const undecodable = elements.filter(({ type }) => dialect.undecodableTypes.has(type));
  if (undecodable.length > 0) {
    notes.push(
      `${place} lists what the dialect ${dialect.name} cannot take, so it never goes out: ${typed(undecodable)}.`,
    );
  }
  const unpadded = elements.filter((one) => one.type === "subTemplateList" && !undecodable.includes(one));
  if (unpadded.length > 0) {
    const what = typed(unpadded);
    notes.push(`${place} lists what has no default, so records of an exporter that lacks it are dropped: ${what}.`);
  }
}

/** The layouts by name, each with the element that selects it. */
function named(layouts: readonly Layout[], notes: string[]): LearntTemplate[] {
  const selections = selectLists(layouts.map(({ fields }) => fields.elements));
  const names = new Map<number, string>();
  for (const { index, selectedBy } of selections) {
    const [first] = layouts[index]?.seen ?? [];
    const usual = isSourceAddress(selectedBy) ? selectedBy.name.slice("source".length, -"Address".length) : undefined;
    names.set(index, unique(usual ?? `template-${first?.template.id}`, new Set(names.values())));
  }
  return selections.flatMap(({ index, selectedBy, shadowedBy }) => {
    const layout = layouts[index];
    const name = names.get(index);
    if (layout === undefined || name === undefined) return [];
    if (shadowedBy !== undefined) {
      const other = names.get(shadowedBy);
      notes.push(
        `${name} is followed by no template of its own shape, which follows ${other} instead: no single element tells the two apart.`,
      );
    }
    return [{ name, selectedBy: selectedBy.name, fields: layout.fields.choices, seen: placesOf(layout.seen) }];
  });
}

function unique(name: string, taken: ReadonlySet<string>): string {
  let free = name;
  for (let number = 2; taken.has(free); number++) free = `${name}-${number}`;
  return free;
}

/** The releases whose templates all of them are. */
function antreaOf(templates: readonly SeenTemplate[], notes: string[]): LearntProfile["antrea"] {
  const releases = templates.map(({ template }) => detectAntreaRelease(template));
  const [first] = releases;
  if (releases.every((release) => release?.profile === first?.profile)) return first;
  const ranges = [...new Set(releases.flatMap((release) => release === undefined ? [] : [release.range]))];
  if (ranges.length > 1) {
    notes.push(
      `These are templates of Antrea Agents of several releases (${
        ranges.join(", ")
      }): a collector expects those of its own, so ` +
        "learn from an exporter of that release alone.",
    );
  }
  return undefined;
}

function placeOf({ observationDomain, template }: SeenTemplate): string {
  return `template ${template.id} of observation domain ${observationDomain}`;
}

/** At most three of them: there may be thousands of observation domains. */
function placesOf(seen: readonly SeenTemplate[]): string {
  const places = seen.slice(0, 3).map((one) => placeOf(one));
  return seen.length > 3 ? `${places.join(", ")} and ${seen.length - 3} more` : places.join(", ");
}
