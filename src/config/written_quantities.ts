import type { Configuration, Limits } from "./configuration.ts";
import type { Path } from "./yaml/mistake.ts";
import { formatDuration, formatSize } from "./yaml/quantity.ts";

/** Those limits that are durations. */
const DURATIONS: ReadonlySet<string> = new Set(
  ["hold", "idle", "udpIdle", "partialMessage", "drain", "handshake"] satisfies (keyof Limits)[],
);

/** Those limits that are sizes. */
const SIZES: ReadonlySet<string> = new Set(["templateMemory", "messageMemory", "memory"] satisfies (keyof Limits)[]);

/** Returns a duration as the file has it; a default in the unit that fits. */
export function writtenDuration({ written }: Pick<Configuration, "written">, path: Path, milliseconds: number): string {
  return written(path) ?? formatDuration(milliseconds);
}

/** Returns a size as the file has it; a default in the unit that fits. */
export function writtenSize({ written }: Pick<Configuration, "written">, path: Path, octets: number): string {
  return written(path) ?? formatSize(octets);
}

/** Returns a limit as the file has it: `10m`, `64MiB` or `5000`. */
export function writtenLimit(
  configuration: Pick<Configuration, "written" | "limits">,
  name: string & keyof Limits,
): string {
  const { [name]: value } = configuration.limits;
  if (DURATIONS.has(name)) return writtenDuration(configuration, ["limits", name], value);
  return SIZES.has(name) ? writtenSize(configuration, ["limits", name], value) : String(value);
}

/** Returns `hold 10m`, `sessions 5000` and so on. */
export function writtenLimits(configuration: Pick<Configuration, "written" | "limits">): string[] {
  const names = Object.keys(configuration.limits) as (keyof Limits)[];
  return names.map((name) => `${name} ${writtenLimit(configuration, name)}`);
}
