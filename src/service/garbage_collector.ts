import type { MemoryReliefParts } from "../proxy/memory/memory_relief.ts";

/**
 * Returns how garbage is collected. Undefined unless the process runs with `--v8-flags=--expose-gc`, as
 * `deno task serve` does.
 */
export function garbageCollector(): MemoryReliefParts | undefined {
  const collect: unknown = Reflect.get(globalThis, "gc");
  if (typeof collect !== "function") return undefined;
  return {
    // Only the last resort compacts live objects; without that, few pages become free.
    collect: (thorough) =>
      void collect({ type: "major", execution: "sync", ...(thorough ? { flavor: "last-resort" } : {}) }),
    resident: () => Deno.memoryUsage().rss,
  };
}
