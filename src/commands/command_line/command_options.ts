import type { Configuration } from "../../config/configuration.ts";
import { loadConfiguration } from "../../config/load.ts";
import { ConfigurationError } from "../../config/yaml/mistake.ts";
import { loadProfile } from "../../config/profiles/profiles.ts";
import type { Profile } from "../../mediation/mapping/profile.ts";
import { errorMessage } from "../../error_message.ts";
import { type CommandFailure, usageFailure } from "./command_failure.ts";

/** The profile that an option of the command line names. @throws CommandFailure that names the option and the nearest profiles */
export function profileOption(option: string, name: string | undefined): Profile {
  const given = required(option, name);
  try {
    return loadProfile(given);
  } catch (error) {
    throw orUsageFailure(error, `error: ${option}: `);
  }
}

/** The error itself, or where it is a wrong configuration, a failure with all the mistakes. */
export function orUsageFailure(error: unknown, before = ""): unknown {
  return error instanceof ConfigurationError ? usageFailure(`${before}${error.message}`, error) : error;
}

/** The value of an option that must be given. Asked here rather than by the parser, which would hide a misspelt option behind it. */
export function required(option: string, value: string | undefined): string {
  if (value === undefined) throw usageFailure(`error: ${option} is missing (--help shows what can be given)`);
  return value;
}

/** What is wrong with a configuration beyond its text, such as a certificate that does not match its key: one line each. */
export function configurationFailure({ file }: Configuration, error: unknown): CommandFailure {
  return usageFailure(errorMessage(error).split("\n").map((line) => `${file}: ${line}`).join("\n"), error);
}

/** The configuration in a file. @throws CommandFailure with every mistake */
export async function configurationOption(file: string): Promise<Configuration> {
  try {
    return await loadConfiguration(file);
  } catch (error) {
    throw orUsageFailure(error);
  }
}
