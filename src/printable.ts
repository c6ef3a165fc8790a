/** What acts on a terminal, ends a line, or turns the direction of the text behind it. */
const HIDDEN = /[\p{Cc}\u2028\u2029\p{Bidi_Control}]/gu;

/**
 * A text from outside that is safe to print: control characters, line separators and marks of direction become `\u`
 * sequences, which JSON reads as the same characters.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.equal(printable("\x1b[31mred\x9b0m"), "\\u001b[31mred\\u009b0m");
 * assert.equal(JSON.parse(printable(JSON.stringify("\u202eabc"))), "\u202eabc");
 * ```
 */
export function printable(text: string): string {
  return text.replace(HIDDEN, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
