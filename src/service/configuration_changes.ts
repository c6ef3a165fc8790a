import { describe } from "../config/configuration_description.ts";
import type { Configuration, Limits } from "../config/configuration.ts";
import { writtenDuration, writtenLimit, writtenSize } from "../config/written_quantities.ts";
import type { Path } from "../config/yaml/mistake.ts";

/**
 * Says what differs between two configurations, one line for each key: `limits.sessions: 5000 → 100`.
 *
 * Of TLS it names files, never what they hold.
 */
export function configurationChanges(before: Configuration, after: Configuration): string[] {
  return differences(facts(before), facts(after), "");
}

/** A duration or a size: compared by its value, shown as a person writes it. */
class Quantity {
  constructor(readonly value: number, readonly text: string) {}

  toJSON(): number {
    return this.value;
  }
}

function facts(configuration: Configuration) {
  const { limits, cache, admin: { skewSettle } } = configuration;
  const names = Object.keys(limits) as (keyof Limits)[];
  const duration = (path: Path, value: number) => new Quantity(value, writtenDuration(configuration, path, value));
  const size = (path: Path, value: number) => new Quantity(value, writtenSize(configuration, path, value));
  return {
    ...describe(configuration),
    limits: Object.fromEntries(
      names.map((name) => [name, new Quantity(limits[name], writtenLimit(configuration, name))]),
    ),
    ...(cache === undefined ? {} : {
      cache: {
        ...cache,
        interval: duration(["cache", "interval"], cache.interval),
        size: size(["cache", "size"], cache.size),
      },
    }),
    "admin.skewSettle": duration(["admin", "skewSettle"], skewSettle),
  };
}

function differences(before: unknown, after: unknown, path: string): string[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  if (!isObject(before) || !isObject(after)) return [`${path}: ${shown(before)} → ${shown(after)}`];
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  const isList = Array.isArray(before) && Array.isArray(after);
  return [...keys].flatMap((key) => {
    const inside = isList ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`;
    return differences(Reflect.get(before, key), Reflect.get(after, key), inside);
  });
}

function shown(value: unknown): string {
  return value instanceof Quantity ? value.text : JSON.stringify(value) ?? "none";
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !(value instanceof Quantity);
}
