import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import {
  isPluginDefinition,
  type Plugin,
  PLUGIN_API_VERSION,
  type PluginDefinition,
} from "../../mediation/mapping/plugin.ts";
import { didYouMean } from "../../mediation/mapping/profile/nearest_names.ts";
import type { Profile } from "../../mediation/mapping/profile/profile.ts";
import { IsolatedPlugin } from "../../plugin_process/isolated_plugin.ts";
import { PluginHost } from "../../plugin_process/plugin_host.ts";
import { PluginProcess } from "../../plugin_process/plugin_process.ts";
import type { PluginChoice } from "../schema/configuration_schema.ts";
import { type Path, pathText } from "../yaml/mistake.ts";
import type { ConfigurationReader } from "../configuration_reader.ts";
import { errorMessage } from "../../error_message.ts";

/** Imports a module. @throws anything that the module throws */
export type ImportModule = (specifier: string) => Promise<unknown>;

/** How long a module may take to load, in milliseconds: it may await something that never comes. */
const LOADING = 10_000;

/** {@link ImportModule} with the runtime. */
export const importModule: ImportModule = (specifier) => inTime(import(specifier), LOADING);

/**
 * A module, unless it takes longer to load than this: no configuration can be read meanwhile.
 *
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.equal(await inTime(Promise.resolve("module"), 10), "module");
 * await assert.rejects(inTime(new Promise(() => {}), 10), /it was not loaded within 10 ms/);
 * ```
 */
export async function inTime(module: Promise<unknown>, milliseconds: number): Promise<unknown> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`it was not loaded within ${milliseconds} ms`)), milliseconds);
  try {
    return await Promise.race([module, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What a step of a chain says of its plugin. */
export type PluginReference = Pick<PluginChoice, "use" | "isolate" | "timeout">;

/** A plugin in a process of its own that was told its options, and where the file gives them. */
interface Creation {
  readonly plugin: IsolatedPlugin;
  readonly use: string;
  readonly path: Path;
}

/** How long a plugin may take for one template where nothing else is said, in milliseconds. */
const TIMEOUT = 1_000;

/**
 * Finds the plugin definitions that `use:` names: shipped ones by name, others by path or npm specifier, each of which
 * runs in a process of its own unless `isolate: false`.
 */
export class PluginModules {
  readonly #shipped: ReadonlyMap<string, PluginDefinition>;
  readonly #loaded = new Map<string, PluginDefinition | PluginProcess | undefined>();
  /** Why a plugin cannot be loaded: finding out may take ten seconds, and hundreds of steps may name it. */
  readonly #failures = new Map<string, string>();
  readonly #creations: Creation[] = [];

  constructor(
    readonly reader: ConfigurationReader,
    shipped: readonly PluginDefinition[],
    readonly importModule: ImportModule,
    readonly plugins: PluginHost = new PluginHost(),
  ) {
    this.#shipped = new Map(shipped.map((definition) => [definition.name, definition]));
  }

  /** Returns what {@link load} has found in this process. */
  get({ use, isolate }: PluginReference): PluginDefinition | undefined {
    const loaded = this.#shipped.get(use) ?? this.#loaded.get(keyOf(use, isolate));
    return loaded instanceof PluginProcess ? undefined : loaded;
  }

  /**
   * Creates plugins in a process of their own; {@link created} has the mistakes in their options.
   *
   * @param path of the step in the file
   * @returns creates the plugin for a profile; undefined if it runs in this process
   */
  isolated(
    { use, isolate, timeout = TIMEOUT }: PluginReference,
    options: unknown,
    path: Path,
  ): ((profile: Profile) => Plugin) | undefined {
    const process = this.#loaded.get(keyOf(use, isolate));
    if (!(process instanceof PluginProcess)) return undefined;
    return (profile) => {
      const plugin = new IsolatedPlugin(process.name, process, timeout, profile, options);
      this.#creations.push({ plugin, use, path });
      return plugin;
    };
  }

  /** Waits until every plugin in a process of its own has taken its options, or reports why it has not. */
  async created(): Promise<void> {
    for (const { plugin, use, path } of this.#creations) {
      const answer = await plugin.created;
      if ("value" in answer) continue;
      if ("error" in answer) this.reader.mistake([...path, "use"], `${use}: ${oneLine(answer.error)}`);
      else {
        for (const { path: inner, message, at } of answer.mistakes) {
          this.reader.mistake([...path, "with", ...inner], message, at);
        }
      }
    }
  }

  /** Ends all processes. */
  close(): void {
    for (const loaded of this.#loaded.values()) if (loaded instanceof PluginProcess) loaded.close();
  }

  /** Loads a definition; a failure becomes a mistake at this path. */
  async load({ use, isolate, timeout }: PluginReference, path: Path): Promise<void> {
    const at = [...path, "use"];
    if (this.#shipped.has(use)) {
      for (const [key, value] of Object.entries({ isolate, timeout })) {
        if (value !== undefined) this.reader.mistake([...path, key], `${use} is shipped and runs in the proxy (none)`);
      }
      return;
    }
    const key = keyOf(use, isolate);
    if (this.#loaded.get(key) !== undefined) return;
    const failure = this.#failures.get(key);
    if (failure !== undefined) return this.reader.mistake(at, failure);
    if (isolate === false) {
      const risk = "it can read the private keys, and by a loop or its memory stop every session";
      this.reader.warnings.push(`${pathText([...path, "isolate"])}: ${use} runs in the proxy itself: ${risk}`);
    }
    this.#loaded.set(key, isolate === false ? await this.#import(use, at, key) : await this.#start(use, at, key));
  }

  async #start(use: string, at: Path, key: string): Promise<PluginProcess | undefined> {
    const specifier = await this.#specifier(use, at);
    if (specifier === undefined) return undefined;
    const refusal = this.plugins.refusal();
    if (refusal !== undefined) {
      this.reader.mistake(
        at,
        `${use} ${refusal} (that permission, or isolate: false, which lets it do all that the proxy may)`,
      );
      return undefined;
    }
    const process = this.plugins.process(use, specifier);
    const hello = await process.start();
    if ("value" in hello) return process;
    process.close();
    const why = "error" in hello ? loadReason(hello.error) : "";
    return this.#fail(key, at, `cannot load ${use}: ${why} (a module whose default export is a plugin)`);
  }

  async #import(use: string, at: Path, key: string): Promise<PluginDefinition | undefined> {
    const specifier = await this.#specifier(use, at);
    if (specifier === undefined) return undefined;
    let module: unknown;
    this.plugins.admit(use);
    try {
      module = await this.importModule(specifier);
    } catch (error) {
      const why = loadReason(errorMessage(error));
      return this.#fail(key, at, `cannot load ${use}: ${why} (a module whose default export is a plugin)`);
    }
    const definition = typeof module === "object" && module !== null && "default" in module
      ? module.default
      : undefined;
    if (isPluginDefinition(definition)) {
      const { apiVersion = PLUGIN_API_VERSION } = definition;
      if (apiVersion === PLUGIN_API_VERSION) return definition;
      this.reader.mistake(
        at,
        `${use} is written for version ${apiVersion} of the plugin contract (${PLUGIN_API_VERSION})`,
      );
      return undefined;
    }
    this.reader.mistake(
      at,
      `${use} has no plugin as its default export (name, summary, options: a zod schema, create)`,
    );
    return undefined;
  }

  #fail(key: string, at: Path, message: string): undefined {
    this.#failures.set(key, message);
    this.reader.mistake(at, message);
  }

  async #specifier(use: string, at: Path): Promise<string | undefined> {
    if (use.startsWith("npm:")) return use;
    if (!/^[./]/.test(use)) {
      const names = [...this.#shipped.keys()];
      const allowed = `${names.join(", ")}, a path such as ./plugin.ts, npm:package`;
      this.reader.mistake(at, `no plugin is called ${JSON.stringify(use)}${didYouMean(use, names)} (${allowed})`);
      return undefined;
    }
    const path = this.reader.path(use);
    const text = this.reader.read(path, at);
    if (text === undefined) return undefined;
    // The runtime caches modules by URL: with a digest of its content in the URL, a changed file is a new module.
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
    return `${pathToFileURL(resolve(path)).href}?${new Uint8Array(digest, 0, 8).toHex()}`;
  }
}

function keyOf(use: string, isolate = true): string {
  return `${isolate ? "isolated" : "here"} ${use}`;
}

/** Why a module cannot be loaded, in one line, with the place in it that the runtime names on a later line. */
function loadReason(text: string): string {
  const place = /\n\s+at (file:\/\/[^\s?]+)(?:\?[^\s:]*)?(:\d+:\d+)/.exec(text);
  return place === null ? oneLine(text) : `${oneLine(text)} at ${fileURLToPath(place[1] ?? "")}${place[2]}`;
}

/** The first line of a text. */
export function oneLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}
