import assert from "node:assert/strict";
import { loadProfile } from "../../src/config/profiles/profiles.ts";
import type { Template } from "../../src/ipfix/record/template.ts";
import { ChainError, runChain } from "../../src/mediation/mapping/chain/mapping_chain.ts";
import { settled } from "../../src/mediation/mapping/chain/pending_mapping.ts";
import { IsolatedPlugin } from "../../src/plugin_process/isolated_plugin.ts";
import { PluginHost } from "../../src/plugin_process/plugin_host.ts";
import { PATIENCE } from "./time/until.ts";
import type { PluginProcess } from "../../src/plugin_process/plugin_process.ts";

export const profile = loadProfile("rfc7011");

/** A template of these elements. */
export function template(...names: string[]): Template {
  const fields = names.map((name) => {
    const element = profile.registry.byName(name);
    assert(element !== undefined, name);
    return { element, length: element.length };
  });
  return { id: 256, fields, scopeFieldCount: 0 };
}

export const GOOD = template("protocolIdentifier", "sourceTransportPort");
/** The template on which plugins here do their worst. */
export const BAD = template("destinationTransportPort");

/** Milliseconds for a plugin that hangs, in which every other answers, on however busy a machine. */
export const HANGING = 2_000;

/**
 * Runs a plugin in its process.
 *
 * @param rewrite its body: a function of the mapping
 * @param options `head`: what stands before the plugin; `timeout`: milliseconds for an answer
 */
export async function withPlugin(
  rewrite: string,
  run: (parts: {
    readonly plugin: IsolatedPlugin;
    readonly process: PluginProcess;
    readonly printed: string[];
    /** The names of the target's elements, or what failed. */
    readonly map: (source: Template) => Promise<string[] | string>;
  }) => Promise<void>,
  { head = "", timeout = PATIENCE } = {},
): Promise<void> {
  const source = `${head}
const isBad = (mapping) => mapping.source.fields[0].element.name === "destinationTransportPort";
export default { name: "own", summary: "its own", options: { safeParse: (data) => ({ success: true, data }) },
  create: (options, profile) => ({ name: "own", rewrite: (mapping, context) => { ${rewrite} } }) };`;
  const printed: string[] = [];
  const host = new PluginHost((_, line) => printed.push(line));
  const process = host.process("./own.ts", `data:text/javascript,${encodeURIComponent(source)}`);
  try {
    const hello = await process.start();
    assert("value" in hello, JSON.stringify(hello));
    const plugin = new IsolatedPlugin("own", process, timeout, profile, { any: "options" });
    await plugin.created;
    await run({
      plugin,
      process,
      printed,
      map: async (source) => {
        try {
          const mapping = await settled(() => runChain(source, { profile, plugins: [plugin] }, { exporterFamily: 4 }));
          return mapping.fields.map(({ target }) => target.element.name);
        } catch (error) {
          if (!(error instanceof ChainError)) throw error;
          return `${error.plugin}: ${error.message}`;
        }
      },
    });
  } finally {
    process.close();
  }
}

/** The command line of a process. Only on Linux. */
export function commandLine(id: string): string {
  return Deno.readTextFileSync(`/proc/${id}/cmdline`);
}

/** The most MiB that a process takes until it ends. */
export async function largestMemory(id: string): Promise<number> {
  for (let most = 0;; await new Promise((resolve) => setTimeout(resolve, 5))) {
    try {
      const [, pages = "0"] = Deno.readTextFileSync(`/proc/${id}/statm`).split(" ");
      most = Math.max(most, Number(pages) * 4096 / 1024 / 1024);
      if (pages === "0") return most;
    } catch {
      return most;
    }
  }
}

/** Processes whose command line contains this. Only on Linux. */
export function processesWith(marker: string): string[] {
  return [...Deno.readDirSync("/proc")].map(({ name }) => name).filter((name) => {
    try {
      return /^\d+$/.test(name) && commandLine(name).includes(marker);
    } catch {
      return false; // It has ended meanwhile.
    }
  });
}
