import { DEFAULT_CHAIN } from "../../../plugins/mod.ts";
import type { PluginDefinition } from "../../mediation/mapping/plugin.ts";
import type { Profile } from "../../mediation/mapping/profile/profile.ts";
import type { ChainStep } from "../configuration.ts";
import type { PluginChoice } from "../schema/configuration_schema.ts";
import type { Path } from "../yaml/mistake.ts";
import { isPlugin, oneLine, type PluginModules } from "./plugin_modules.ts";
import type { ConfigurationReader } from "../configuration_reader.ts";
import { errorMessage } from "../../error_message.ts";

/** A `plugins:` list of the file; a choice is undefined where the step has mistakes. */
export interface PluginList {
  readonly path: Path;
  readonly choices: readonly (PluginChoice | undefined)[];
}

/** The default chain, for a configuration without `plugins:`. */
export function automaticChain(profile: Profile): readonly ChainStep[] {
  // A collector that accepts every element and expects no template needs no change.
  if (profile.acceptsUnknownElements && profile.templates.length === 0) return [];
  return DEFAULT_CHAIN.map((definition) => {
    const options = definition.options.parse({});
    const create = (profile: Profile) => definition.create(options, profile);
    return { use: definition.name, options, create, plugin: create(profile) };
  });
}

/** Creates chains of plugins, one per list and profile. */
export class Chains {
  readonly #made = new Map<PluginList | undefined, Map<Profile, readonly ChainStep[]>>();
  readonly #options = new Map<PluginChoice, { readonly value: unknown } | undefined>();

  constructor(readonly reader: ConfigurationReader, readonly modules: PluginModules) {}

  /**
   * @param list undefined: the default chain
   * @returns the steps without mistakes; the others are reported to the reader
   */
  chain(list: PluginList | undefined, profile: Profile): readonly ChainStep[] {
    const made = this.#made.get(list) ?? new Map<Profile, readonly ChainStep[]>();
    this.#made.set(list, made);
    const known = made.get(profile);
    if (known !== undefined) return known;
    const chain = list === undefined ? automaticChain(profile) : list.choices.flatMap((choice, index) => {
      const step = choice === undefined ? undefined : this.#step(choice, [...list.path, index], profile);
      return step === undefined ? [] : [step];
    });
    made.set(profile, chain);
    return chain;
  }

  /** Checks the options of a list, which needs no profile. */
  checkOptions(list: PluginList): void {
    for (const [index, choice] of list.choices.entries()) {
      const definition = choice === undefined ? undefined : this.modules.get(choice);
      if (choice !== undefined && definition !== undefined) {
        this.#checkOptions(choice, definition, [...list.path, index, "with"]);
      }
    }
  }

  #step(choice: PluginChoice, path: Path, profile: Profile): ChainStep | undefined {
    const definition = this.modules.get(choice);
    if (definition === undefined) {
      const options = choice.with ?? {};
      const create = this.modules.isolated(choice, options, path);
      return create === undefined ? undefined : { use: choice.use, options, create, plugin: create(profile) };
    }
    const options = this.#checkOptions(choice, definition, [...path, "with"]);
    if (options === undefined) return undefined;
    let plugin: unknown;
    try {
      plugin = definition.create(options.value, profile);
    } catch (error) {
      this.#createMistake(error, choice, path);
      return undefined;
    }
    const create = (profile: Profile) => definition.create(options.value, profile);
    if (isPlugin(plugin)) return { use: choice.use, options: options.value, plugin, create };
    this.reader.mistake([...path, "use"], `${choice.use} created no plugin (an object with name and rewrite)`);
    return undefined;
  }

  #checkOptions(choice: PluginChoice, definition: PluginDefinition, path: Path) {
    if (this.#options.has(choice)) return this.#options.get(choice);
    let checked: { readonly value: unknown } | undefined;
    try {
      checked = this.reader.check(definition.options, path, choice.with ?? {});
    } catch (error) {
      const why = errorMessage(error);
      this.reader.mistake(path, `${choice.use} cannot check its options: ${oneLine(why)} (a plugin that can)`);
    }
    this.#options.set(choice, checked);
    return checked;
  }

  #createMistake(error: unknown, choice: PluginChoice, path: Path): void {
    const message = oneLine(errorMessage(error));
    const named = namedKeys(choice.with, message);
    const quoted = placeOf(valueAt(choice.with, named.path), named.message);
    const place = [...path, "with", ...named.path, ...quoted?.path ?? []];
    this.reader.mistake(place, named.message, quoted?.at ?? "value");
  }
}

/** Splits the leading keys off a plugin's message such as `values: egressIP: what is wrong`. */
function namedKeys(options: unknown, message: string): { path: Path; message: string } {
  const path: string[] = [];
  for (;;) {
    const [, key, rest] = /^([^:\s]+): (.+)$/.exec(message) ?? [];
    const value = valueAt(options, path);
    if (key === undefined || rest === undefined || !isRecord(value) || !Object.hasOwn(value, key)) {
      return { path, message };
    }
    path.push(key);
    message = rest;
  }
}

function valueAt(value: unknown, path: Path): unknown {
  for (const key of path) value = isRecord(value) ? value[key] : undefined;
  return value;
}

function isRecord(value: unknown): value is Record<string | number, unknown> {
  return typeof value === "object" && value !== null;
}

/** The path in the options of the text that a plugin's message quotes. */
function placeOf(options: unknown, message: string): { path: Path; at: "key" | "value" } | undefined {
  if (typeof options === "string") {
    return message.includes(JSON.stringify(options)) ? { path: [], at: "value" } : undefined;
  }
  if (!isRecord(options)) return undefined;
  const isList = Array.isArray(options);
  for (const [key, value] of Object.entries(options)) {
    const inner = placeOf(value, message);
    if (inner !== undefined) return { path: [isList ? Number(key) : key, ...inner.path], at: inner.at };
    if (!isList && message.includes(JSON.stringify(key))) return { path: [key], at: "key" };
  }
  return undefined;
}
