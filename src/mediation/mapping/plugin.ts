/**
 * The plugin contract, and all that a plugin imports of the proxy: `@ipfix-skew-proxy/proxy/plugin`.
 *
 * - A plugin MUST return a template mapping for a template mapping. It cannot change the one it was given, which is
 *   frozen. Its answer is read as data: own properties, no accessors, `stripped` only where a field really was.
 * - It MUST return the same mapping for the same mapping and context: mappings are compiled once and shared between
 *   sessions.
 * - It never sees a record.
 * - It MAY throw. The template then falls back to its last good mapping, the log names the plugin, and other sessions
 *   are not affected.
 * - It MUST keep the scope fields of options templates first.
 *
 * @module
 */
import { z } from "zod";
import type { Profile, ProfileTemplate } from "./profile/profile.ts";
import type { TemplateMapping } from "./template_mapping.ts";

export { z };
export type { AbstractDataType } from "../../ipfix/types/abstract_data_type.ts";
export { isLengthOfType, naturalLength, VARIABLE_LENGTH } from "../../ipfix/types/abstract_data_type.ts";
export { type InformationElement, sameElement } from "../../ipfix/registry/information_element.ts";
export type { Registry } from "../../ipfix/registry/registry.ts";
export type { FieldSpecifier, Template } from "../../ipfix/record/template.ts";
export { defaultOctets, encodeValue } from "../../ipfix/types/value.ts";
export { conversionBetween, narrowedSigns } from "./conversion.ts";
export type { Dialect } from "./profile/dialect.ts";
export { findElement } from "./profile/element_name.ts";
export { mapEvery } from "./map_every.ts";
export { expectedPlaces } from "./profile/expected_places.ts";
export { knowsElement, type Profile, type ProfileTemplate } from "./profile/profile.ts";
export type { Conversion, FieldValue, MappedField, SessionFact, TemplateMapping } from "./template_mapping.ts";
export { identity, isIdentity } from "./template_mapping.ts";

/** The version of this contract. It changes when a plugin written before would no longer work. */
export const PLUGIN_API_VERSION = 1;

/** What a plugin knows of a template besides its fields. */
export interface PluginContext {
  /** What the collector expects. */
  readonly profile: Profile;
  /** The profile's template that this source template selects; undefined if it keeps its own shape. */
  readonly expected?: ProfileTemplate;
  /** The exporter's release or range of releases, if its template gave it away: `antrea/v2.0`. */
  readonly detectedProfile?: string;
  /** The family of the exporter's address, which decides which address fact the session has; undefined offline. */
  readonly exporterFamily: 4 | 6 | undefined;
}

/** One step that changes template mappings. It runs once per template per session, never per record. */
export interface Plugin {
  readonly name: string;
  rewrite(mapping: TemplateMapping, context: PluginContext): TemplateMapping;
}

/** The default export of a plugin module: its name, the schema of its `with:` options, and how it is made. */
export interface PluginDefinition<Options = unknown> {
  /**
   * The version of this contract that the plugin is written for: {@link PLUGIN_API_VERSION}, also where it is missing.
   */
  readonly apiVersion?: number;
  readonly name: string;
  /** One line for `check` and the documentation. */
  readonly summary: string;
  /** Checks the `with:` of the configuration, which is `{}` if missing. */
  readonly options: z.ZodType<Options>;
  /**
   * @param options as the schema returns them
   * @param profile the collector's, against which names of elements can be checked before anything runs
   * @throws Error that says what is wrong and what is allowed, or AggregateError of several (see {@link mapEvery}):
   *   each is reported as a configuration mistake at the plugin's `with:`, where its message begins with keys of it
   *   (`values: egressIP: …`) or quotes a text of it, at that place
   */
  create(options: Options, profile: Profile): Plugin;
}

/** Returns the definition unchanged; TypeScript infers the type of its options. */
export function definePlugin<Options>(definition: PluginDefinition<Options>): PluginDefinition<Options> {
  return definition;
}

/** Whether a module's default export defines a plugin. Never throws, whatever it exports. */
export function isPluginDefinition(value: unknown): value is PluginDefinition {
  try {
    return hasDefinition(value);
  } catch {
    return false; // An accessor or a proxy of it threw.
  }
}

function hasDefinition(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (!("name" in value && typeof value.name === "string" && value.name !== "")) return false;
  if (!("summary" in value && typeof value.summary === "string")) return false;
  if (!("create" in value && typeof value.create === "function")) return false;
  if (!("options" in value) || typeof value.options !== "object" || value.options === null) return false;
  return "safeParse" in value.options && typeof value.options.safeParse === "function";
}

/** Whether a value that `create` returned is a plugin. Never throws, whatever it returned. */
export function isPlugin(value: unknown): value is Plugin {
  try {
    return typeof value === "object" && value !== null && "name" in value && typeof value.name === "string" &&
      "rewrite" in value && typeof value.rewrite === "function";
  } catch {
    return false; // An accessor or a proxy of it threw.
  }
}
