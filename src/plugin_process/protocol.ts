/**
 * What the proxy and a plugin's process say to each other: one JSON value a line, over the process's standard input and
 * output. The proxy asks, the process answers each question once, in order.
 *
 * @module
 */
import type { ProfileData } from "./profile_data.ts";

/** A question to the process. */
export type Question =
  /** Makes an instance of the plugin. */
  | { readonly ask: "create"; readonly instance: number; readonly options: unknown; readonly profile: ProfileData }
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

/** A mistake in the plugin's options. */
export interface OptionMistake {
  readonly path: readonly (string | number)[];
  readonly message: string;
  /** Whether the key itself is wrong, rather than its value. */
  readonly at: "value" | "key";
}

/**
 * The answer to a question, or the first line of a process, whose value is the plugin's `name` and `summary`: a value,
 * mistakes in the options, or what went wrong.
 */
export type Answer =
  | { readonly value: unknown }
  | { readonly mistakes: readonly OptionMistake[] }
  | { readonly error: string };

/** Octets of the longest line that is read. */
export const MAXIMUM_LINE = 4 * 1024 * 1024;
