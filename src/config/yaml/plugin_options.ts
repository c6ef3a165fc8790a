import type { z } from "zod";
import { errorMessage } from "../../error_message.ts";
import type { PluginDefinition } from "../../mediation/mapping/plugin.ts";
import type { Path } from "./mistake.ts";
import { type ValueMistake, Words } from "./schema_mistakes.ts";

/** The options of a plugin after its schema has checked them. */
export interface CheckedOptions {
  /** Every mistake that the schema names. */
  readonly mistakes: readonly ValueMistake[];
  /** What the schema returns; after mistakes, for what is left without them, or undefined where that is not enough. */
  readonly right: { readonly value: unknown } | undefined;
}

/** Checks the options of a plugin by its schema. @throws what the schema throws */
export function checkOptions({ options: schema }: PluginDefinition, options: unknown): CheckedOptions {
  const words = new Words();
  const checked = schema.safeParse(options, { error: (issue) => words.of(issue) });
  if (checked.success) return { mistakes: [], right: { value: checked.data } };
  const { issues } = checked.error;
  const rest = schema.safeParse(without(options, wrongPaths(issues)));
  return {
    mistakes: issues.flatMap((issue) => words.explain(issue)),
    right: rest.success ? { value: rest.data } : undefined,
  };
}

/**
 * The mistakes in options that a plugin names when it is created: one, or those of an AggregateError. The place of each
 * is that of the keys at the start of its message (`values: egressIP: …`), then of the text that it quotes.
 *
 * @param checked with mistakes of its own, a plugin is created from the rest: then only mistakes with a place are
 *   certain
 */
export function creationMistakes(error: unknown, options: unknown, checked: CheckedOptions): ValueMistake[] {
  const errors: unknown[] = error instanceof AggregateError ? error.errors : [error];
  const named = errors.map((each) => creationMistake(errorMessage(each).split("\n", 1)[0] ?? "", options));
  return checked.mistakes.length === 0 ? named : named.filter(({ path }) => path.length > 0);
}

function creationMistake(text: string, options: unknown): ValueMistake {
  const { path, message } = namedKeys(options, text);
  const quoted = placeOf(valueAt(options, path), message);
  return { path: [...path, ...quoted?.path ?? []], message, at: quoted?.at ?? "value" };
}

/** The places of what a schema refuses. */
function wrongPaths(issues: readonly z.core.$ZodIssue[]): Set<string> {
  return new Set(issues.flatMap((issue) => {
    const keys = issue.code === "unrecognized_keys" ? issue.keys : [undefined];
    return keys.map((key) => JSON.stringify(key === undefined ? issue.path : [...issue.path, key]));
  }));
}

/** A value without what is at these paths. */
function without(value: unknown, paths: ReadonlySet<string>, path: Path = []): unknown {
  if (!isRecord(value)) return value;
  const isRight = (key: string | number) => !paths.has(JSON.stringify([...path, key]));
  if (Array.isArray(value)) {
    return value.flatMap((inner, index) => isRight(index) ? [without(inner, paths, [...path, index])] : []);
  }
  const right = Object.entries(value).filter(([key]) => isRight(key));
  return Object.fromEntries(right.map(([key, inner]) => [key, without(inner, paths, [...path, key])]));
}

/** Splits the leading keys off a plugin's message such as `values: egressIP: what is wrong`. */
function namedKeys(options: unknown, message: string): { path: Path; message: string } {
  const path: string[] = [];
  for (;;) {
    const [, key, rest] = /^([^:\s]+): (.+)$/.exec(message) ?? [];
    const value = valueAt(options, path);
    if (key === undefined || rest === undefined || !isRecord(value) || !Object.hasOwn(value, key)) {
      return { path, message };
    }
    path.push(key);
    message = rest;
  }
}

function valueAt(value: unknown, path: Path): unknown {
  for (const key of path) value = isRecord(value) ? value[key] : undefined;
  return value;
}

function isRecord(value: unknown): value is Record<string | number, unknown> {
  return typeof value === "object" && value !== null;
}

/** The path in the options of the text that a plugin's message quotes. */
function placeOf(options: unknown, message: string): { path: Path; at: "key" | "value" } | undefined {
  if (typeof options === "string") {
    return message.includes(JSON.stringify(options)) ? { path: [], at: "value" } : undefined;
  }
  if (!isRecord(options)) return undefined;
  const isList = Array.isArray(options);
  for (const [key, value] of Object.entries(options)) {
    const inner = placeOf(value, message);
    if (inner !== undefined) return { path: [isList ? Number(key) : key, ...inner.path], at: inner.at };
    if (!isList && message.includes(JSON.stringify(key))) return { path: [key], at: "key" };
  }
  return undefined;
}
