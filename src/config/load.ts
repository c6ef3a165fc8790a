import { SHIPPED } from "../../plugins/mod.ts";
import { buildConfiguration } from "./build_configuration.ts";
import type { Configuration } from "./configuration.ts";
import { ConfigurationError, mistakesInOrder } from "./yaml/mistake.ts";
import { type ImportModule, importModule, PluginModules } from "./sections/plugin_modules.ts";
import { type ReadTextFile, readTextFile } from "../text_file.ts";
import { ConfigurationReader } from "./configuration_reader.ts";
import type { PluginHost } from "../plugin_process/plugin_host.ts";
import { readSections, type Sections } from "./sections/sections.ts";
import { YamlDocument } from "./yaml/yaml_document.ts";
import { systemReason } from "../error_message.ts";

/** The file system and the module loader, so that tests can replace them. */
export interface ConfigurationDependencies {
  readonly readTextFile?: ReadTextFile;
  readonly importModule?: ImportModule;
  /** What `profile: auto` means now: `antrea/v2.0.0`. Missing: not known. */
  readonly automaticProfile?: string | undefined;
  /** The time at which certificates have to be valid; now if it is missing. */
  readonly now?: Date;
  /** Starts the processes of plugins that run in one of their own. */
  readonly plugins?: PluginHost;
}

/**
 * Reads a configuration with its profiles, registries and plugins, and checks it as a whole. Binds nothing. It may be
 * called again when one of {@link Configuration.files} has changed; only unchanged plugin modules are reused.
 *
 * @param file a YAML file; relative paths in it start from its directory
 * @throws ConfigurationError with every mistake, in the order of their positions
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const yaml = `
 * listen: [{ address: 0.0.0.0:24739 }]
 * collector: { address: 127.0.0.1:4739, profile: antrea/v1.15 }
 * `;
 * const { treatment } = await loadConfiguration("proxy.yaml", { readTextFile: () => yaml });
 * assert.equal(treatment.profile.name, "antrea/v1.15");
 *
 * await assert.rejects(
 *   loadConfiguration("proxy.yaml", { readTextFile: () => yaml.replace("4739,", "473900,") }),
 *   { message: 'proxy.yaml:3:23: collector.address: "127.0.0.1:473900" is not allowed (host:port or [v6]:port, port 1 to 65535)' },
 * );
 * ```
 */
export async function loadConfiguration(
  file: string,
  dependencies: ConfigurationDependencies = {},
): Promise<Configuration> {
  const read = dependencies.readTextFile ?? readTextFile;
  const document = new YamlDocument(file, textOf(file, read));
  const reader = new ConfigurationReader(document, read, dependencies.now);
  reader.files.add(file);
  reader.mistakes.push(...document.mistakes);
  // Where the YAML cannot be parsed, every key would seem to be missing.
  const configuration = document.value === undefined ? undefined : await build(reader, dependencies);
  if (configuration === undefined || reader.mistakes.length > 0) {
    throw new ConfigurationError(mistakesInOrder(reader.mistakes, file), [...reader.files]);
  }
  return configuration;
}

async function build(
  reader: ConfigurationReader,
  dependencies: ConfigurationDependencies,
): Promise<Configuration | undefined> {
  const sections = readSections(reader);
  const modules = new PluginModules(
    reader,
    SHIPPED,
    dependencies.importModule ?? importModule,
    dependencies.plugins,
  );
  try {
    await loadModules(sections, modules);
    const configuration = buildConfiguration(reader, sections, modules, dependencies.automaticProfile);
    await modules.created();
    if (configuration !== undefined && reader.mistakes.length === 0) {
      return { ...configuration, close: () => modules.close() };
    }
  } catch (error) {
    modules.close();
    throw error;
  }
  modules.close();
  return undefined;
}

async function loadModules({ plugins, peers }: Sections, modules: PluginModules): Promise<void> {
  for (const list of [plugins, ...peers.map((peer) => peer.plugins)]) {
    for (const [index, choice] of (list?.choices ?? []).entries()) {
      if (choice !== undefined) await modules.load(choice, [...list?.path ?? [], index]);
    }
  }
}

function textOf(file: string, read: ReadTextFile): string {
  try {
    return read(file);
  } catch (error) {
    throw new ConfigurationError([{ file, path: "", message: `cannot be read: ${systemReason(error)}` }], [file]);
  }
}
