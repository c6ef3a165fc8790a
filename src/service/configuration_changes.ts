import { type ConfigurationDescription, describe } from "../config/configuration_description.ts";
import type { Configuration } from "../config/configuration.ts";

/**
 * Says what differs between two configurations, one line for each key: `limits.sessions: 5000 → 100`.
 *
 * Of TLS it names files, never what they hold.
 */
export function configurationChanges(before: Configuration, after: Configuration): string[] {
  return differences(facts(before), facts(after), "");
}

function facts(configuration: Configuration): ConfigurationDescription & { readonly skewSettle: number } {
  return { ...describe(configuration), skewSettle: configuration.admin.skewSettle };
}

function differences(before: unknown, after: unknown, path: string): string[] {
  const [one, other] = [JSON.stringify(before), JSON.stringify(after)];
  if (one === other) return [];
  if (!isObject(before) || !isObject(after)) return [`${path}: ${one ?? "none"} → ${other ?? "none"}`];
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].flatMap((key) =>
    differences(Reflect.get(before, key), Reflect.get(after, key), path === "" ? key : `${path}.${key}`)
  );
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
