import type { Configuration } from "../../src/config/configuration.ts";
import { loadConfiguration } from "../../src/config/load.ts";
import { ConfigurationError } from "../../src/config/yaml/mistake.ts";

/** Files that are there, by path. */
export type Files = Readonly<Record<string, string>>;

/** Loads `proxy.yaml` of this text, among files that are nowhere on the disk. */
export function load(yaml: string, files: Files = {}, modules: Readonly<Record<string, unknown>> = {}) {
  const all: Files = { "proxy.yaml": yaml, ...files };
  return loadConfiguration("proxy.yaml", {
    readTextFile(path) {
      const text = all[path];
      if (text === undefined) throw Object.assign(new Error(`no ${path}`), { code: "ENOENT" });
      return text;
    },
    importModule(specifier) {
      const name = Object.keys(modules).find((each) => specifier.split("?")[0]?.endsWith(each));
      return name === undefined ? Promise.reject(new Error(`no ${specifier}`)) : Promise.resolve(modules[name]);
    },
  });
}

/** The lines that say what is wrong; none where nothing is. */
export async function mistakes(...of: Parameters<typeof load>): Promise<string[]> {
  const loaded = await tryLoading(...of);
  return loaded instanceof ConfigurationError ? loaded.message.split("\n") : [];
}

async function tryLoading(...of: Parameters<typeof load>): Promise<Configuration | ConfigurationError> {
  try {
    return await load(...of);
  } catch (error) {
    if (error instanceof ConfigurationError) return error;
    throw error;
  }
}

/** A configuration that is right, for tests to add to. */
export const RIGHT = `listen: [{ address: 0.0.0.0:24739 }]
collector: { address: 127.0.0.1:4739, profile: antrea/v1.15 }
`;
