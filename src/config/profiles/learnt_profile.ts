import type { InformationElement } from "../../ipfix/registry/information_element.ts";
import type { Template } from "../../ipfix/record/template.ts";
import type { Dialect } from "../../mediation/mapping/profile/dialect.ts";
import { detectAntreaRelease } from "./antrea_eras.ts";
import { learnFields, type LearntFields } from "./learnt_fields.ts";
import { likelyRegistry } from "./learnt_registry.ts";
import type { ElementChoice } from "./profile_schema.ts";
import { isSourceAddress, type Selection, selectLists } from "./template_selection.ts";

/** A template seen on its way to a collector. */
export interface SeenTemplate {
  readonly observationDomain: number;
  readonly template: Template;
}

/** One template of a learnt profile. */
export interface LearntTemplate {
  readonly name: string;
  /** Names of elements. Empty for an options template, and for one that no elements tell apart from another. */
  readonly selectedBy: readonly string[];
  readonly not: readonly string[];
  /** The number of scope fields; 0 for a template that is no options template. */
  readonly scope: number;
  readonly fields: readonly ElementChoice[];
  /** Where it was seen, such as `template 256 of observation domain 7`. */
  readonly seen: string;
}

/** A learnt profile as its file will state it, with notes for a person. */
export interface LearntProfile {
  readonly name: string;
  readonly dialect: string;
  /** The name of the registry in a profile file. */
  readonly registry: string;
  /** In the order in which they were first seen; empty where no template can be expressed. */
  readonly templates: readonly LearntTemplate[];
  /** The Antrea releases that send these templates; undefined where they belong to different releases. */
  readonly antrea: { readonly profile: string; readonly range: string } | undefined;
  /** What the profile leaves out or states differently, one sentence each. */
  readonly notes: readonly string[];
}

interface Layout {
  readonly seen: SeenTemplate[];
  readonly fields: LearntFields;
}

/**
 * Learns the profile of a collector from the templates it is sent: each layout once, in the order in which it was first
 * seen, options templates included where the dialect takes them.
 *
 * @param name the profile's name
 * @param dialect what the collector's decoder can take
 */
export function learnProfile(seen: readonly SeenTemplate[], name: string, dialect: Dialect): LearntProfile {
  const notes: string[] = [];
  const templates = seen.filter((one) => {
    if (one.template.scopeFieldCount === 0 || dialect.optionsTemplates) return true;
    notes.push(`Options ${placeOf(one)} is left out: the dialect ${dialect.name} takes no options templates.`);
    return false;
  });
  const flows = templates.filter(({ template }) => template.scopeFieldCount === 0);
  const registry = likelyRegistry((flows.length > 0 ? flows : templates).map(({ template }) => template), dialect);
  const layouts = new Map<string, Layout>();
  for (const one of templates) {
    const fields = learnFields(one.template.fields, registry, dialect);
    noteFields(one, fields, dialect, notes);
    if (fields.choices.length === 0) continue;
    const key = JSON.stringify([one.template.scopeFieldCount, fields.choices]);
    const standing = layouts.get(key);
    if (standing === undefined) layouts.set(key, { seen: [one], fields });
    else standing.seen.push(one);
  }
  return {
    name,
    dialect: dialect.name,
    registry: registry.name,
    templates: named([...layouts.values()], notes),
    antrea: antreaOf(flows, notes),
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

/** Names the layouts and chooses the elements that select each. */
function named(layouts: readonly Layout[], notes: string[]): LearntTemplate[] {
  const flows = layouts.filter((layout) => scopeOf(layout) === 0);
  const selections = selectLists(flows.map(({ fields }) => fields.elements));
  const names: string[] = [];
  for (const layout of layouts) names.push(unique(nameOf(layout, selections[flows.indexOf(layout)]), names));
  return layouts.map((layout, index): LearntTemplate => {
    const name = names[index] ?? "";
    const { selectedBy = [], not = [], sameAs } = selections[flows.indexOf(layout)] ?? {};
    const other = sameAs === undefined ? undefined : flows[sameAs];
    if (other !== undefined) {
      const otherName = names[layouts.indexOf(other)];
      notes.push(`${name} has the same elements as ${otherName}: only a template that equals it follows it.`);
    }
    return {
      name,
      selectedBy: selectedBy.map((element) => element.name),
      not: not.map((element) => element.name),
      scope: scopeOf(layout),
      fields: layout.fields.choices,
      seen: placesOf(layout.seen),
    };
  });
}

function scopeOf({ seen }: Layout): number {
  return seen[0]?.template.scopeFieldCount ?? 0;
}

/** `IPv4` and `IPv6` where a source address alone selects the list, else after the template's id. */
function nameOf({ seen }: Layout, selection: Selection | undefined): string {
  const [element, ...more] = selection?.selectedBy ?? [];
  if (element !== undefined && more.length === 0 && isSourceAddress(element)) {
    return element.name.slice("source".length, -"Address".length);
  }
  const template = seen[0]?.template;
  return `${(template?.scopeFieldCount ?? 0) > 0 ? "options" : "template"}-${template?.id}`;
}

function unique(name: string, taken: readonly string[]): string {
  let free = name;
  for (let number = 2; taken.includes(free); number++) free = `${name}-${number}`;
  return free;
}

/** The releases that all templates belong to. */
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

/** Names at most three places, because there may be thousands of observation domains. */
function placesOf(seen: readonly SeenTemplate[]): string {
  const places = seen.slice(0, 3).map((one) => placeOf(one));
  return seen.length > 3 ? `${places.join(", ")} and ${seen.length - 3} more` : places.join(", ");
}
