/**
 * Collects all garbage and gives back the memory, as far as V8 lets itself be told: where the process was started with
 * `--v8-flags=--expose-gc`, as `deno task serve` does. Undefined anywhere else.
 */
export function garbageCollector(): (() => void) | undefined {
  const collect: unknown = Reflect.get(globalThis, "gc");
  if (typeof collect !== "function") return undefined;
  // No other flavor moves what lives together, without which few pages are free.
  return () => void collect({ type: "major", execution: "sync", flavor: "last-resort" });
}
