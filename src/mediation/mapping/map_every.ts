/**
 * Converts every item, even where some cannot be: so that a plugin names all mistakes in its options at once.
 *
 * @throws what `convert` threw, if that was once; else an AggregateError of all of it, in the order of the items
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * const whole = (text: string) => {
 *   if (!/^\d+$/.test(text)) throw new Error(`"${text}" is no number`);
 *   return Number(text);
 * };
 * assert.deepEqual(mapEvery(["1", "2"], whole), [1, 2]);
 * assert.throws(() => mapEvery(["1", "a"], whole), { name: "Error", message: '"a" is no number' });
 * assert.throws(() => mapEvery(["a", "1", "b"], whole), { message: '"a" is no number\n"b" is no number' });
 * ```
 */
export function mapEvery<const Items extends readonly unknown[], Result>(
  items: Items,
  convert: (item: Items[number]) => Result,
): { [Index in keyof Items]: Result } {
  const results: Result[] = [];
  const errors: unknown[] = [];
  for (const item of items) {
    try {
      results.push(convert(item));
    } catch (error) {
      errors.push(...error instanceof AggregateError ? error.errors : [error]);
    }
  }
  if (errors.length === 0) return results as { [Index in keyof Items]: Result };
  if (errors.length === 1) throw errors[0];
  throw new AggregateError(errors, errors.map((error) => error instanceof Error ? error.message : error).join("\n"));
}
