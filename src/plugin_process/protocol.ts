/**
 * What the proxy and a plugin's process say to each other: one JSON value a line, over the process's standard input and
 * output. The proxy asks, the process answers each question once, in order.
 *
 * @module
 */
import { deserialize, serialize } from "node:v8";
import type { ProfileData } from "./profile_data.ts";

/** A question to the process. */
export type Question =
  /** Makes an instance of the plugin; `options` as {@link writeOptions} writes them. */
  | {
    readonly ask: "create";
    readonly instance: number;
    readonly options: string;
    /** On its way to a process that has it already: which of those it was sent, from 0. */
    readonly profile: ProfileData | number;
  }
  /** Maps one template. */
  | {
    readonly ask: "rewrite";
    readonly instance: number;
    readonly mapping: unknown;
    /** Position in the profile's templates. */
    readonly expected?: number;
    readonly detectedProfile?: string;
    readonly exporterFamily?: 4 | 6;
  };

/**
 * A plugin's options as text. A configuration holds numbers that JSON lacks: integers beyond 2^53, NaN, infinities, -0.
 *
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const options = { most: 18446744073709551615n, least: -0, none: NaN };
 * assert.deepEqual(readOptions(writeOptions(options)), options);
 * ```
 *
 * @throws Error where they are no plain data
 */
export function writeOptions(options: unknown): string {
  return serialize(options).toString("base64");
}

/** Reads what {@link writeOptions} wrote. */
export function readOptions(text: string): unknown {
  return deserialize(Uint8Array.fromBase64(text));
}

/** A mistake in the plugin's options. */
export interface OptionMistake {
  readonly path: readonly (string | number)[];
  readonly message: string;
  /** Whether the key itself is wrong, rather than its value. */
  readonly at: "value" | "key";
}

/**
 * The answer to a question, or the first line of a process (number 0), whose value is the plugin's `name` and
 * `summary`: a value, mistakes in the options, or what went wrong.
 */
export type Answer =
  | { readonly value: unknown }
  | { readonly mistakes: readonly OptionMistake[] }
  | { readonly error: string };

/** A question with its number, from 1, which its answer has as well: no answer is taken for that of another question. */
export type Numbered<Line> = Line & { readonly number: number };

/** Octets of the longest line that is read. */
export const MAXIMUM_LINE = 4 * 1024 * 1024;
