import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Plugin, PluginDefinition } from "../mediation/mapping/plugin.ts";
import { didYouMean } from "../mediation/mapping/nearest_names.ts";
import type { Path } from "./yaml/mistake.ts";
import type { ConfigurationReader } from "./configuration_reader.ts";
import { errorMessage } from "../error_message.ts";

/** Imports a module. @throws anything that the module throws */
export type ImportModule = (specifier: string) => Promise<unknown>;

/** {@link ImportModule} with the runtime. */
export const importModule: ImportModule = (specifier) => import(specifier);

/** Finds the plugin definitions that `use:` names: shipped ones by name, others by path or npm specifier. */
export class PluginModules {
  readonly #shipped: ReadonlyMap<string, PluginDefinition>;
  readonly #loaded = new Map<string, PluginDefinition | undefined>();

  constructor(
    readonly reader: ConfigurationReader,
    shipped: readonly PluginDefinition[],
    readonly importModule: ImportModule,
  ) {
    this.#shipped = new Map(shipped.map((definition) => [definition.name, definition]));
  }

  /** Returns a definition that {@link load} has found. */
  get(use: string): PluginDefinition | undefined {
    return this.#shipped.get(use) ?? this.#loaded.get(use);
  }

  /** Loads a definition for {@link get}; a failure becomes a mistake at this path. */
  async load(use: string, at: Path): Promise<void> {
    if (this.#shipped.has(use) || this.#loaded.get(use) !== undefined) return;
    this.#loaded.set(use, await this.#import(use, at));
  }

  async #import(use: string, at: Path): Promise<PluginDefinition | undefined> {
    const specifier = await this.#specifier(use, at);
    if (specifier === undefined) return undefined;
    let module: unknown;
    try {
      module = await this.importModule(specifier);
    } catch (error) {
      const why = errorMessage(error);
      this.reader.mistake(at, `cannot load ${use}: ${oneLine(why)} (a module whose default export is a plugin)`);
      return undefined;
    }
    const definition = typeof module === "object" && module !== null && "default" in module
      ? module.default
      : undefined;
    if (isPluginDefinition(definition)) return definition;
    this.reader.mistake(
      at,
      `${use} has no plugin as its default export (name, summary, options: a zod schema, create)`,
    );
    return undefined;
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

function isPluginDefinition(value: unknown): value is PluginDefinition {
  if (typeof value !== "object" || value === null) return false;
  if (!("name" in value && typeof value.name === "string" && value.name !== "")) return false;
  if (!("summary" in value && typeof value.summary === "string")) return false;
  if (!("create" in value && typeof value.create === "function")) return false;
  if (!("options" in value) || typeof value.options !== "object" || value.options === null) return false;
  return "safeParse" in value.options && typeof value.options.safeParse === "function";
}

/** Whether a value that `create` returned is a plugin. */
export function isPlugin(value: unknown): value is Plugin {
  return typeof value === "object" && value !== null && "name" in value && typeof value.name === "string" &&
    "rewrite" in value && typeof value.rewrite === "function";
}

/** The first line of a text. */
export function oneLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}
