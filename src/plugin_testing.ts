/**
 * The test harness for plugins: a template in, the mapping and rewritten records out. A plugin runs as it does in the
 * proxy, and its mapping is checked, fitted to the collector's dialect, compiled and run by the same loop.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { definePlugin, z } from "@ipfix-skew-proxy/proxy/plugin";
 * import { templateOf, tryPlugin } from "@ipfix-skew-proxy/proxy/plugin/testing";
 *
 * const firstOnly = definePlugin({
 *   name: "first-only",
 *   summary: "keeps the first field",
 *   options: z.strictObject({}),
 *   create: () => ({ name: "first-only", rewrite: (mapping) => ({ ...mapping, fields: mapping.fields.slice(0, 1) }) }),
 * });
 * const template = templateOf("rfc7011", ["protocolIdentifier", "interfaceName"]);
 * const { target, rewrite } = tryPlugin(firstOnly, { profile: "rfc7011", template });
 * assert.deepEqual(target.fields.map(({ element }) => element.name), ["protocolIdentifier"]);
 * assert.deepEqual(rewrite([6, "eth0"]), [6]);
 * ```
 *
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import { loadProfile } from "./config/profiles/profiles.ts";
import { parseAddress } from "./ipfix/types/address.ts";
import { decodeDataRecord, encodeDataRecord } from "./ipfix/record/data_record.ts";
import { OctetReader } from "./ipfix/octets/octet_reader.ts";
import type { Template } from "./ipfix/record/template.ts";
import type { Value } from "./ipfix/types/value.ts";
import { findElement } from "./mediation/mapping/profile/element_name.ts";
import { runChain } from "./mediation/mapping/chain/mapping_chain.ts";
import {
  isPlugin,
  isPluginDefinition,
  type Plugin,
  PLUGIN_API_VERSION,
  type PluginDefinition,
} from "./mediation/mapping/plugin.ts";
import { freezeProfile } from "./mediation/mapping/mapping_data.ts";
import type { Profile } from "./mediation/mapping/profile/profile.ts";
import { targetTemplate, type TemplateMapping } from "./mediation/mapping/template_mapping.ts";
import { allocate, memoryOctets, release, view } from "./mediation/program/loop/memory.ts";
import { rewriteRecords, SCRATCH_LENGTH } from "./mediation/program/loop/rewrite_loop.ts";
import { compileMapping } from "./mediation/program/mapping_compiler.ts";

export { unknownElement } from "./ipfix/registry/information_element.ts";
export type { Value } from "./ipfix/types/value.ts";
export { loadProfile, targetTemplate };

/** What a plugin is tried with. */
export interface TrialOptions {
  /** What the collector expects, or the name of a shipped profile: `antrea/v1.15`. */
  readonly profile: Profile | string;
  /** The exporter's template. */
  readonly template: Template;
  /** The plugin's options, as a configuration has them under `with:`; `{}` by default. */
  readonly with?: unknown;
  /** The exporter's IPv4 or IPv6 address, `192.0.2.1` by default. */
  readonly exporterAddress?: string;
  /** The observation domain id of the exporter's messages, 1 by default. */
  readonly observationDomain?: number;
  /** The exporter's release, where its template gives it away: `antrea/v2.0`. */
  readonly detectedProfile?: string;
}

/** What a plugin made of one template. */
export interface Trial {
  /** The plugin's mapping, fitted to the collector's dialect. */
  readonly mapping: TemplateMapping;
  /** The template that the collector gets. */
  readonly target: Template;
  /**
   * Rewrites one record.
   *
   * @param values one for each field of the exporter's template
   * @returns one for each field of the target
   * @throws RangeError where the values are not the template's
   */
  readonly rewrite: (values: readonly Value[]) => Value[];
}

/**
 * Runs a plugin on one template.
 *
 * @throws TypeError where it is no plugin, or written for another version of the contract; Error as the plugin's `create` throws it, and for options that its schema refuses; ChainError where the
 *   plugin throws, changes what it was given, answers the same question in two ways, or returns a mapping that cannot
 *   be compiled
 */
export function tryPlugin<Options>(definition: PluginDefinition<Options>, options: TrialOptions): Trial {
  const { exporterAddress: text = "192.0.2.1", observationDomain = 1, detectedProfile } = options;
  const exporterAddress = parseAddress(text);
  if (exporterAddress === undefined) throw new RangeError(`${text} is not an IPv4 or IPv6 address`);
  const profile = typeof options.profile === "string" ? loadProfile(options.profile) : options.profile;
  const plugin = strict(created(definition, options.with ?? {}, freezeProfile(profile)));
  const source = frozen(structuredClone(options.template));
  const mapping = runChain(source, { profile, plugins: [plugin] }, {
    ...(detectedProfile === undefined ? {} : { detectedProfile }),
    exporterFamily: exporterAddress.length === 4 ? 4 : 6,
  });
  const target = targetTemplate(mapping, source.id);
  const { octets: program } = compileMapping(mapping, { exporterAddress, observationDomain }, false);
  return {
    mapping,
    target,
    rewrite: (values) => {
      const record = runProgram(program, encodeDataRecord(source, values));
      return decodeDataRecord(new OctetReader(record), target);
    },
  };
}

/**
 * A template of these elements, each by its name or as `pen/id`, in its registry's length.
 *
 * @param profile whose registry knows them, or the name of a shipped profile
 * @throws Error for an element that the profile does not know, with the nearest names
 */
export function templateOf(profile: Profile | string, elements: readonly string[], scopeFieldCount = 0): Template {
  const known = typeof profile === "string" ? loadProfile(profile) : profile;
  const fields = elements.map((name) => {
    const element = findElement(known, name);
    return { element, length: element.length };
  });
  return { id: 256, fields, scopeFieldCount };
}

/** The templates that exporters of a release send, by the name of its shipped profile: `antrea/v2.0`. */
export function exporterTemplates(release: string): Template[] {
  return loadProfile(release).templates.map(({ fields }, index) => ({ id: 256 + index, fields, scopeFieldCount: 0 }));
}

/** The plugin, made as the proxy makes it. */
function created<Options>(definition: PluginDefinition<Options>, options: unknown, profile: Profile): Plugin {
  if (!isPluginDefinition(definition)) {
    throw new TypeError("this is no plugin definition (name, summary, options: a zod schema, create)");
  }
  const { apiVersion = PLUGIN_API_VERSION } = definition;
  if (apiVersion !== PLUGIN_API_VERSION) {
    throw new TypeError(`it is written for version ${apiVersion} of the plugin contract (${PLUGIN_API_VERSION})`);
  }
  const plugin: unknown = definition.create(definition.options.parse(options), profile);
  if (isPlugin(plugin)) return plugin;
  throw new TypeError("create returned no plugin (an object with name and rewrite)");
}

/** The plugin, held to its contract: its mapping cannot be changed, and the same question has the same answer. */
function strict(plugin: Plugin): Plugin {
  return {
    name: plugin.name,
    rewrite: (mapping, context) => {
      frozen(mapping);
      const answer = plugin.rewrite(mapping, context);
      if (isDeepStrictEqual(plugin.rewrite(mapping, context), answer)) return answer;
      throw new Error("two calls with the same mapping and context returned different mappings");
    },
  };
}

/** The same object, in which every change throws from now on. Octets and maps cannot be frozen. */
function frozen<Content>(content: Content): Content {
  if (typeof content === "object" && content !== null && !ArrayBuffer.isView(content) && !Object.isFrozen(content)) {
    Object.freeze(content);
    Object.values(content).forEach(frozen);
  }
  return content;
}

/** The record that the program makes of this one. */
function runProgram(program: Uint8Array, record: Uint8Array): Uint8Array {
  const sizes = [program.length, record.length, SCRATCH_LENGTH];
  const blocks = sizes.map(allocate);
  try {
    if (blocks.includes(0)) throw new RangeError("the rewrite loop's memory is used up");
    const [code = 0, input = 0, output = 0] = blocks;
    memoryOctets.set(program, code);
    memoryOctets.set(record, input);
    // The output has room for the largest record there can be, so the loop needs no scratch.
    const { records, produced } = rewriteRecords(
      code,
      0,
      input,
      input + record.length,
      output,
      output + SCRATCH_LENGTH,
      0,
    );
    if (records !== 1) throw new RangeError("the record is not one record of the template");
    return view(output, produced).slice();
  } finally {
    blocks.forEach((address, index) => release(address, sizes[index] ?? 0));
  }
}
