import { DEFAULT_CHAIN } from "../../../plugins/mod.ts";
import { freezeProfile } from "../../mediation/mapping/mapping_data.ts";
import { isPlugin, type PluginDefinition } from "../../mediation/mapping/plugin.ts";
import type { Profile } from "../../mediation/mapping/profile/profile.ts";
import type { ChainStep } from "../configuration.ts";
import type { PluginChoice } from "../schema/configuration_schema.ts";
import type { Path } from "../yaml/mistake.ts";
import { oneLine, type PluginModules } from "./plugin_modules.ts";
import { type CheckedOptions, checkOptions, creationMistakes } from "../yaml/plugin_options.ts";
import type { ValueMistake } from "../yaml/schema_mistakes.ts";
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
  readonly #options = new Map<PluginChoice, CheckedOptions>();

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
    const { mistakes, right } = options;
    if (right === undefined) return undefined;
    const create = (profile: Profile) => definition.create(right.value, profile);
    let plugin: unknown;
    try {
      plugin = create(freezeProfile(profile));
    } catch (error) {
      this.#report(creationMistakes(error, choice.with, options), [...path, "with"]);
      return undefined;
    }
    if (mistakes.length > 0) return undefined;
    if (isPlugin(plugin)) return { use: choice.use, options: right.value, plugin, create };
    this.reader.mistake([...path, "use"], `${choice.use} created no plugin (an object with name and rewrite)`);
    return undefined;
  }

  #checkOptions(choice: PluginChoice, definition: PluginDefinition, path: Path): CheckedOptions {
    const known = this.#options.get(choice);
    if (known !== undefined) return known;
    let checked: CheckedOptions = { mistakes: [], right: undefined };
    try {
      checked = checkOptions(definition, choice.with ?? {});
    } catch (error) {
      const why = errorMessage(error);
      this.reader.mistake(path, `${choice.use} cannot check its options: ${oneLine(why)} (a plugin that can)`);
    }
    this.#report(checked.mistakes, path);
    this.#options.set(choice, checked);
    return checked;
  }

  #report(mistakes: readonly ValueMistake[], path: Path): void {
    for (const { path: inner, message, at } of mistakes) this.reader.mistake([...path, ...inner], message, at);
  }
}
