import { z } from "zod";
import { didYouMean } from "../../mediation/mapping/profile/nearest_names.ts";
import { type Mistake, MOST_MISTAKES, type Path, pathText } from "./mistake.ts";
import { wrong } from "./schema_parts.ts";
import type { YamlDocument } from "./yaml_document.ts";

/** A value that matched its schema, or undefined after mistakes. */
export type Checked<Value> = { readonly value: Value } | undefined;

/**
 * Checks the value at a path of the document.
 *
 * @param mistakes receives every mistake with its position
 */
export function checkSchema<Value>(
  schema: z.ZodType<Value>,
  document: YamlDocument,
  path: Path,
  mistakes: Mistake[],
  value: unknown = document.valueAt(path),
): Checked<Value> {
  const words = new Words();
  const result = schema.safeParse(value, { error: (issue) => words.of(issue) });
  if (result.success) return { value: result.data };
  for (const issue of result.error.issues) mistakes.push(...words.mistakes(issue, document, path));
  return undefined;
}

/** A mistake in a value, whose place is a path of its keys. */
export interface ValueMistake {
  readonly path: Path;
  readonly message: string;
  readonly at: "value" | "key";
}

/** Turns zod's issues into messages of one form. A schema's own messages take precedence. */
export class Words {
  /**
   * The keys that each map may have: an issue does not name them, but its schema is known when its message is written.
   */
  readonly #keys = new Map<string, readonly string[]>();

  of(issue: z.core.$ZodRawIssue): string {
    switch (issue.code) {
      case "unrecognized_keys": {
        const keys = issue.inst instanceof z.ZodObject ? Object.keys(issue.inst.shape) : [];
        this.#keys.set(keyOf(issue.path ?? [], issue.keys), keys);
        return "unknown key";
      }
      case "invalid_type":
        return wrong(issue.input, kindOf(issue));
      case "invalid_value":
        return wrong(issue.input, issue.values.map(String).join(", "));
      case "too_small":
        if (issue.origin === "array") return `too few (at least ${issue.minimum})`;
        return wrong(
          issue.input,
          `${unitOf(issue.origin)}${issue.inclusive === false ? "more than" : "at least"} ${issue.minimum}`,
        );
      case "too_big":
        return wrong(
          issue.input,
          `${unitOf(issue.origin)}${issue.inclusive === false ? "less than" : "at most"} ${issue.maximum}`,
        );
      case "invalid_union": {
        const allowed = issue.errors.flatMap((branch) => branch.slice(0, 1).map(({ message }) => allowedOf(message)));
        return wrong(issue.input, [...new Set(allowed)].join(", or "));
      }
      case "invalid_key":
        return `not allowed as a key (${issue.issues.map(({ message }) => allowedOf(message)).join(", ")})`;
      default:
        return wrong(issue.input, issue.message ?? issue.code);
    }
  }

  mistakes(issue: z.core.$ZodIssue, document: YamlDocument, prefix: Path): Mistake[] {
    return this.explain(issue, prefix).map(({ path, message, at }) => document.mistake(path, message, at));
  }

  /** What is wrong by an issue whose message is of {@link of}. */
  explain(issue: z.core.$ZodIssue, prefix: Path = []): ValueMistake[] {
    const path = [...prefix, ...issue.path.map((key) => typeof key === "symbol" ? String(key) : key)];
    if (issue.code === "unrecognized_keys") {
      const allowed = this.#keys.get(keyOf(issue.path, issue.keys)) ?? [];
      // The document itself has reported this one.
      const keys = issue.keys.filter((key) => key !== "__proto__");
      return keys.slice(0, MOST_MISTAKES).map((key) => {
        const message = `unknown key${didYouMean(key, allowed)} (${
          allowed.length === 0 ? "none" : allowed.join(", ")
        })`;
        return { path: [...path, key], message, at: "key" };
      });
    }
    if (issue.code === "invalid_union") {
      // The branch whose kind (text, map, list) fits is the one that was meant, so its own mistakes are reported.
      const meant = issue.errors.filter((branch) =>
        !branch.some(({ path, code }) => path.length === 0 && KINDS.has(code))
      );
      const [only] = meant;
      if (only !== undefined && meant.length === 1) {
        return only.flatMap((inner) => this.explain(inner, path));
      }
    }
    return [{ path, message: issue.message, at: issue.code === "invalid_key" ? "key" : "value" }];
  }
}

const KINDS: ReadonlySet<string> = new Set(["invalid_type", "invalid_value"]);

const TYPES: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  bigint: "a whole number",
  boolean: "true, false",
  object: "a map",
  record: "a map",
  array: "a list",
  null: "nothing",
};

/** The kind a value must have; for a map, with its keys. */
function kindOf({ expected, inst }: z.core.$ZodRawIssue<z.core.$ZodIssueInvalidType>): string {
  if (inst instanceof z.ZodObject) return `a map: ${Object.keys(inst.shape).join(", ")}`;
  return TYPES[expected] ?? expected;
}

function unitOf(origin: string): string {
  if (origin === "string") return "characters: ";
  return origin === "array" || origin === "set" ? "entries: " : "";
}

/** The part of a message in the parentheses at its end. */
function allowedOf(message: string): string {
  return /\((.*)\)$/.exec(message)?.[1] ?? message;
}

function keyOf(path: readonly PropertyKey[], keys: readonly string[]): string {
  return JSON.stringify([pathText(path.map((key) => typeof key === "number" ? key : String(key))), keys]);
}
