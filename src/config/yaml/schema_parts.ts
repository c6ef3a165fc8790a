import { z } from "zod";

/** A value as a mistake shows it: short, on one line. */
function show(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a map";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}

/** The message for a wrong value: what was found and what is allowed. */
export function wrong(value: unknown, allowed: string): string {
  return value === undefined ? `missing (${allowed})` : `${show(value)} is not allowed (${allowed})`;
}

/** One of several words. */
export function oneOf<const Words extends readonly [string, ...string[]]>(...words: Words) {
  return z.enum(words, { error: (issue) => wrong(issue.input, words.join(", ")) });
}

/** A non-empty text. */
export function text(allowed: string) {
  const error = (issue: { input?: unknown }) => wrong(issue.input, allowed);
  return z.string({ error }).min(1, { error }).meta({ description: allowed });
}

/** A whole number within limits. */
export function wholeNumber(least: number, most: number) {
  const allowed = `a whole number, ${least} to ${most}`;
  const error = (issue: { input?: unknown }) => wrong(issue.input, allowed);
  return z.number({ error }).int({ error, abort: true }).min(least, { error }).max(most, { error });
}

/** true or false. */
export function truth() {
  return z.boolean({ error: (issue) => wrong(issue.input, "true, false") });
}

/**
 * A text that is parsed into a value.
 *
 * @param allowed what is allowed, for the message
 * @param read returns undefined where the text cannot be parsed
 */
export function read<Value>(allowed: string, read: (text: string) => Value | undefined) {
  return z.string({ error: (issue) => wrong(issue.input, allowed) })
    .meta({ description: allowed })
    .transform((value, context) => {
      const result = read(value);
      if (result !== undefined) return result;
      context.issues.push({ code: "custom", message: wrong(value, allowed), input: value });
      return z.NEVER;
    });
}
