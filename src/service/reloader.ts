import type { RefusedConfigurationView, ReloadResult } from "../admin/view/view.ts";
import { type Configuration, isClusterTls } from "../config/configuration.ts";
import type { FileWatch } from "../config/file_watch.ts";
import { loadConfiguration } from "../config/load.ts";
import { configurationChanges } from "./configuration_changes.ts";
import { ConfigurationError } from "../config/yaml/mistake.ts";
import { type ReadTextFile, readTextFile } from "../text_file.ts";
import type { PluginHost } from "../plugin_process/plugin_host.ts";
import type { ReportEvent } from "../proxy/reporting/proxy_event.ts";

/** What caused a reload. */
export type ReloadTrigger = "signal" | "request" | "change" | "release";

/** The outcome of reading a configuration, with every file read: a change to any of them may change the outcome. */
export interface Loaded {
  /** An error where the configuration has mistakes. */
  readonly configuration: Configuration | Error;
  /** The content of each file; undefined: it could not be read. */
  readonly files: ReadonlyMap<string, string | undefined>;
}

/**
 * Reads and checks a configuration as a whole. Never throws.
 *
 * @param automaticProfile the profile that `auto` means now; undefined: not known
 * @param plugins starts the processes of plugins that run in one of their own
 */
export async function loadWatched(
  file: string,
  read: ReadTextFile = readTextFile,
  automaticProfile?: string,
  plugins?: PluginHost,
): Promise<Loaded> {
  const files = new Map<string, string | undefined>();
  const recording: ReadTextFile = (path) => {
    files.set(path, undefined);
    const text = read(path);
    files.set(path, text);
    return text;
  };
  try {
    const dependencies = {
      readTextFile: recording,
      automaticProfile,
      ...(plugins === undefined ? {} : { plugins }),
    };
    return { configuration: await loadConfiguration(file, dependencies), files };
  } catch (error) {
    return { configuration: error instanceof Error ? error : new Error(String(error)), files };
  }
}

/** What a reloader needs besides its file. */
export interface ReloaderParts {
  readonly load: () => Promise<Loaded>;
  /** Applies the whole configuration, or nothing of it. @throws Error with the reason; then nothing has changed */
  readonly apply: (configuration: Configuration) => Promise<void>;
  /** Files that are refreshed separately when nothing else has changed: certificates. */
  readonly separate: (configuration: Configuration) => ReadonlySet<string>;
  /** Refreshes those files. */
  readonly refresh: () => Promise<void>;
  readonly report: ReportEvent;
  /** The time of day. */
  readonly date: () => Date;
}

/**
 * Reloads the configuration on request or when its files change: it is checked, then applied or refused, as a whole.
 */
export class Reloader {
  /** The number of reloads by outcome. */
  readonly outcomes = new Map<"applied" | "refused", number>();
  /** The configuration that was refused, until a good one is loaded. */
  refused: RefusedConfigurationView | undefined;
  #configuration: Configuration;
  #separate: ReadonlySet<string>;
  #running: Promise<unknown> = Promise.resolve();
  /** A reload that has not begun yet, which further requests share. */
  #next: Promise<ReloadResult> | undefined;
  #watch: Pick<FileWatch, "watch"> | undefined;

  constructor(readonly file: string, configuration: Configuration, readonly parts: ReloaderParts) {
    this.#configuration = configuration;
    this.#separate = parts.separate(configuration);
  }

  /** Watches the files that were read from now on. */
  follow(watch: Pick<FileWatch, "watch">, files: Loaded["files"]): void {
    this.#watch = watch;
    watch.watch(files);
  }

  /** Handles a change of these files. */
  async changed(paths: readonly string[]): Promise<void> {
    if (paths.every((path) => this.#separate.has(path))) await this.parts.refresh();
    else await this.reload("change");
  }

  /** Reloads. It rejects for no mistake: those are in the result, the log and the metric. */
  reload(trigger: ReloadTrigger): Promise<ReloadResult> {
    if (this.#next !== undefined) return this.#next;
    const next = this.#running.then(() => {
      this.#next = undefined;
      return this.#reload(trigger);
    });
    // Whatever a reload comes to, the next one begins.
    this.#running = next.catch(() => {});
    return this.#next = next;
  }

  /** Does something else between reloads. @throws what it throws */
  exclusively<T>(action: () => Promise<T>): Promise<T> {
    const done = this.#running.then(action);
    this.#running = done.catch(() => {});
    return done;
  }

  async #reload(trigger: ReloadTrigger): Promise<ReloadResult> {
    const { configuration, files } = await this.parts.load();
    const error = configuration instanceof Error ? configuration : await this.#apply(configuration);
    // After a refusal, a change to any file may correct the mistake.
    this.#separate = configuration instanceof Error || error !== undefined
      ? new Set()
      : this.parts.separate(configuration);
    this.#watch?.watch(files);
    if (error !== undefined) return this.#refused(trigger, error);
    return configuration instanceof Error
      ? this.#refused(trigger, configuration)
      : this.#applied(trigger, configuration);
  }

  async #apply(configuration: Configuration): Promise<Error | undefined> {
    try {
      await this.parts.apply(configuration);
      return undefined;
    } catch (error) {
      configuration.close();
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  #applied(trigger: ReloadTrigger, configuration: Configuration): ReloadResult {
    this.#count("applied");
    this.refused = undefined;
    const changed = configurationChanges(this.#configuration, configuration);
    this.#configuration = configuration;
    const what = changed.length === 0
      ? "with the same settings; the files that it names were read again"
      : changed.join("; ");
    const message = `the configuration was reloaded and is in force: ${what}`;
    this.parts.report({
      level: "info",
      event: "config_reloaded",
      message,
      fields: { file: this.file, trigger, changed },
    });
    for (const message of configuration.warnings) {
      this.parts.report({ level: "warning", event: "config_warning", message, fields: { file: this.file } });
    }
    return { applied: true, mistakes: [] };
  }

  #refused(trigger: ReloadTrigger, error: Error): ReloadResult {
    this.#count("refused");
    const mistakes = error instanceof ConfigurationError
      ? error.message.split("\n")
      : error.message.split("\n").map((line) => `${this.file}: ${line}`);
    this.refused = { since: this.refused?.since ?? this.parts.date(), mistakes };
    const message = "the changed configuration is refused; the previous one stays in force";
    this.parts.report({
      level: "error",
      event: "config_refused",
      message,
      fields: { file: this.file, trigger, mistakes },
    });
    return { applied: false, mistakes };
  }

  #count(outcome: "applied" | "refused"): void {
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
  }
}

/** The PEM files that a configuration names. */
export function certificateFiles({ listeners, collectors }: Configuration): ReadonlySet<string> {
  const settings = [...listeners.map(({ tls }) => tls), ...collectors.map(({ tls }) => tls)];
  const paths = settings.flatMap((tls) =>
    tls === undefined || isClusterTls(tls) ? [] : [tls.certificate, tls.key, tls.ca]
  );
  return new Set(paths.filter((path) => path !== undefined));
}
