/**
 * The plugin contract: all that a plugin imports.
 *
 * - A plugin MUST map a template mapping to a template mapping, as a value: it MUST NOT change the one it was given.
 * - It MUST give the same answer for the same question: mappings are compiled once and shared between sessions.
 * - It MUST NOT keep references to records: it never sees one.
 * - It MAY throw: then the template falls back to its last good mapping, the plugin is named in the log, no other
 *   session notices.
 * - Scope fields of options templates MUST stay first.
 *
 * @module
 */
import { z } from "zod";
import type { Profile, ProfileTemplate } from "./profile.ts";
import type { TemplateMapping } from "./template_mapping.ts";

export { z };
export type { AbstractDataType } from "../../ipfix/abstract_data_type.ts";
export { isLengthOfType, naturalLength, VARIABLE_LENGTH } from "../../ipfix/abstract_data_type.ts";
export { type InformationElement, sameElement } from "../../ipfix/information_element.ts";
export type { Registry } from "../../ipfix/registry.ts";
export type { FieldSpecifier, Template } from "../../ipfix/template.ts";
export { defaultOctets, encodeValue } from "../../ipfix/value.ts";
export { conversionBetween } from "./conversion.ts";
export type { Dialect } from "./dialect.ts";
export { findElement } from "./element_name.ts";
export { expectedPlaces } from "./expected_places.ts";
export { knowsElement, type Profile, type ProfileTemplate } from "./profile.ts";
export type { Conversion, FieldValue, MappedField, SessionFact, TemplateMapping } from "./template_mapping.ts";
export { identity, isIdentity } from "./template_mapping.ts";

/** What a plugin knows of the template in hand. */
export interface PluginContext {
  /** What the collector expects. */
  readonly profile: Profile;
  /** The profile's template that this source template selects; undefined: the template keeps its own shape. */
  readonly expected?: ProfileTemplate;
  /** The exporter's release or range of releases, as read off its template: `antrea/v2.0`. */
  readonly detectedProfile?: string;
  /** Which session facts exist: an exporter has an IPv4 or an IPv6 address, hardly both. */
  readonly exporterFamily: 4 | 6 | undefined;
}

/** One step that changes template mappings. Runs once per template per session, never per record. */
export interface Plugin {
  readonly name: string;
  rewrite(mapping: TemplateMapping, context: PluginContext): TemplateMapping;
}

/** What a plugin module exports by default: its name, the schema of its `with:` options, and how it is made. */
export interface PluginDefinition<Options = unknown> {
  readonly name: string;
  /** One line, for `check` and the documentation. */
  readonly summary: string;
  /** Checks the YAML's `with:`; `{}` where that is missing. */
  readonly options: z.ZodType<Options>;
  /**
   * @param options as the schema gives them
   * @param profile the collector's, so that names of elements can be checked before anything runs
   * @throws Error with what is wrong and what is allowed: shown as a configuration mistake under the plugin's `with:`
   */
  create(options: Options, profile: Profile): Plugin;
}

/** Gives the definition its types; changes nothing. */
export function definePlugin<Options>(definition: PluginDefinition<Options>): PluginDefinition<Options> {
  return definition;
}
