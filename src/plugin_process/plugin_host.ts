import { fileURLToPath } from "node:url";
import { errorMessage } from "../error_message.ts";
import { onLateError } from "./late_errors.ts";
import { redirectConsole } from "./plugin_console.ts";
import { PluginProcess } from "./plugin_process.ts";
import { OUTPUT_LENGTH, plain } from "./process_output.ts";

/** Lines of one call of `console.log` that are passed on. */
const LINES = 10;

/** Starts processes for plugins, and passes on what they print. */
export class PluginHost {
  /** Plugins that share the proxy's own console. */
  readonly #inside = new Set<string>();

  /**
   * @param onOutput receives what a plugin prints, line by line
   * @param command Deno's program
   */
  constructor(
    readonly onOutput: (plugin: string, line: string) => void = () => {},
    readonly command: string = Deno.execPath(),
  ) {}

  /**
   * Prepares this process for a plugin that is about to be loaded into it: what it prints is passed on, and what it
   * leaves behind ends nothing.
   *
   * @param use the plugin, as the configuration names it
   */
  admit(use: string): void {
    const isFirst = this.#inside.size === 0;
    this.#inside.add(use);
    if (!isFirst) return;
    redirectConsole((text) => this.#passOn(text));
    onLateError((reason) => this.#passOn(`after it had answered: ${errorMessage(reason)}`));
  }

  #passOn(text: string): void {
    const names = [...this.#inside].join(", ");
    for (const line of text.split("\n", LINES)) this.onOutput(names, plain(line).slice(0, OUTPUT_LENGTH));
  }

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
    return Deno.statSync(url).isFile ? fileURLToPath(url) : undefined;
  } catch {
    return undefined;
  }
}
