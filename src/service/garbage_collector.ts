/**
 * Returns a function that collects all garbage and releases the memory. Undefined unless the process runs with
 * `--v8-flags=--expose-gc`, as `deno task serve` does.
 */
export function garbageCollector(): (() => void) | undefined {
  const collect: unknown = Reflect.get(globalThis, "gc");
  if (typeof collect !== "function") return undefined;
  // Only this flavor compacts live objects; without that, few pages become free.
  return () => void collect({ type: "major", execution: "sync", flavor: "last-resort" });
}
