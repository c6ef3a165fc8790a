import { PluginProcess } from "./plugin_process.ts";

/** Starts processes for plugins, and passes on what they print. */
export class PluginHost {
  /**
   * @param onOutput receives what a plugin prints, line by line
   * @param command Deno's program
   */
  constructor(
    readonly onOutput: (plugin: string, line: string) => void = () => {},
    readonly command: string = Deno.execPath(),
  ) {}

  /** Why no process can be started; undefined: one can. */
  refusal(): string | undefined {
    const { state } = Deno.permissions.querySync({ name: "run", command: this.command });
    return state === "granted"
      ? undefined
      : `needs a process of its own, and so --allow-run=${this.command}, as deno task serve:plugins has`;
  }

  /**
   * @param use the plugin, as the configuration names it
   * @param specifier its module
   */
  process(use: string, specifier: string): PluginProcess {
    const configuration = ownConfiguration();
    return new PluginProcess({
      name: use,
      specifier,
      command: this.command,
      ...(configuration === undefined ? {} : { denoConfiguration: configuration }),
      onOutput: (line) => this.onOutput(use, line),
    });
  }
}

/** The proxy's own deno.json, which maps the import line of plugins. A bundle has none beside it. */
function ownConfiguration(): string | undefined {
  const url = new URL("../../deno.json", import.meta.url);
  if (url.protocol !== "file:") return undefined;
  try {
    return Deno.statSync(url).isFile ? url.pathname : undefined;
  } catch {
    return undefined;
  }
}
