import type { ProcessMemory } from "../proxy/memory/process_memory.ts";

/** Octets outside of V8's heap by which it begins to collect, whatever is in the heap. */
const ENOUGH = 2 ** 30;

/**
 * Returns how garbage is collected. Undefined unless the process runs with `--v8-flags=--expose-gc`, as
 * `deno task serve` does.
 */
export function processMemory(): ProcessMemory | undefined {
  const collect: unknown = Reflect.get(globalThis, "gc");
  if (typeof collect !== "function") return undefined;
  return {
    resident: () => Deno.memoryUsage().rss,
    // `gc` only pauses. Memory that nobody touches is never resident, but V8 counts it.
    begin() {
      try {
        new ArrayBuffer(ENOUGH);
      } catch { /* The system promises no memory that it does not have: pauses have to do. */ }
    },
    collect: () => void collect({ type: "major", execution: "sync", flavor: "last-resort" }),
  };
}
