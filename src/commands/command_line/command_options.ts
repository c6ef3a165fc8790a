import type { Configuration } from "../../config/configuration.ts";
import { loadConfiguration } from "../../config/load.ts";
import { ConfigurationError } from "../../config/yaml/mistake.ts";
import { loadProfile } from "../../config/profiles/profiles.ts";
import { readTextFile } from "../../text_file.ts";
import type { Profile } from "../../mediation/mapping/profile/profile.ts";
import { printable, say } from "../../terminal/terminal.ts";
import { PluginHost } from "../../plugin_process/plugin_host.ts";
import { errorMessage } from "../../error_message.ts";
import { type CommandFailure, usageFailure } from "./command_failure.ts";

/** The configuration of `serve` and `check` where none is named. */
export const DEFAULT_CONFIGURATION = "config/proxy.yaml";

/** Loads the profile that an option names. @throws CommandFailure that names the option and the nearest profiles */
export function profileOption(option: string, name: string | undefined): Profile {
  const given = required(option, name);
  try {
    const profile = loadProfile(given, readTextFile, option);
    if (profile.warning !== undefined) say(`note: ${option}: ${profile.warning}`);
    return profile;
  } catch (error) {
    throw orUsageFailure(error, "error: ");
  }
}

/** Turns a configuration error into a failure with all its mistakes; returns any other error unchanged. */
export function orUsageFailure(error: unknown, before = ""): unknown {
  return error instanceof ConfigurationError ? usageFailure(`${before}${error.message}`, error) : error;
}

/**
 * Returns the value of a required option. The parser does not check this, because it would then not report a misspelt
 * option.
 */
export function required(option: string, value: string | undefined): string {
  if (value === undefined) throw usageFailure(`error: ${option} is missing (--help shows the options)`);
  return value;
}

/**
 * A failure for what is wrong beyond the text of a configuration, such as a certificate that does not match its key.
 */
export function configurationFailure({ file }: Configuration, error: unknown): CommandFailure {
  return usageFailure(errorMessage(error).split("\n").map((line) => `${file}: ${line}`).join("\n"), error);
}

/** Loads the configuration that `--config` names. @throws CommandFailure with every mistake */
export async function configurationOption(file: string): Promise<Configuration> {
  try {
    return await loadConfiguration(file, {
      plugins: new PluginHost((plugin, line) => say(`${plugin}: ${printable(line)}`)),
    });
  } catch (error) {
    throw orUsageFailure(error);
  }
}
