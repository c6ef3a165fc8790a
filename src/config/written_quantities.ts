import type { Configuration, Limits } from "./configuration.ts";
import type { Path } from "./yaml/mistake.ts";
import { formatDuration, formatSize } from "./yaml/quantity.ts";

/** Those limits that are durations. */
const DURATIONS: ReadonlySet<string> = new Set(
  ["hold", "idle", "udpIdle", "partialMessage", "drain", "handshake"] satisfies (keyof Limits)[],
);

/** Returns a duration as the file has it; a default in the unit that fits. */
export function writtenDuration({ written }: Pick<Configuration, "written">, path: Path, milliseconds: number): string {
  return written(path) ?? formatDuration(milliseconds);
}

/** Returns a size as the file has it; a default in the unit that fits. */
export function writtenSize({ written }: Pick<Configuration, "written">, path: Path, octets: number): string {
  return written(path) ?? formatSize(octets);
}

/** Returns `hold 10m`, `sessions 5000` and so on. */
export function writtenLimits(configuration: Pick<Configuration, "written" | "limits">): string[] {
  return Object.entries(configuration.limits).map(([name, value]: [string, number]) => {
    const text = DURATIONS.has(name) ? writtenDuration(configuration, ["limits", name], value) : String(value);
    return `${name} ${text}`;
  });
}
