import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
  type YAMLError,
  YAMLParseError,
} from "yaml";
import { type Mistake, MOST_MISTAKES, type Path, pathText } from "./mistake.ts";
import { errorMessage } from "../../error_message.ts";

/** The parser's message when it runs out of stack. */
const TOO_DEEP = /call stack/i;

/** Characters of the longest file: reading it takes less than a second. A thousand rules take 80,000. */
const LONGEST = 128 * 1024;

/** What the parser says in words of its own. */
const WORDS: ReadonlyMap<string, string> = new Map([
  ["DUPLICATE_KEY", "duplicate key (each key once)"],
  ["MULTIPLE_DOCS", "another document begins here (one document)"],
  ["UNEXPECTED_TOKEN", "this does not belong here (YAML 1.2)"],
  ["IMPOSSIBLE", "this cannot be read (YAML 1.2)"],
]);

/** A YAML file that knows the position of each value, for mistakes. */
export class YamlDocument {
  readonly #document: Document;
  readonly #lines = new LineCounter();
  /**
   * The plain value: maps, lists, strings, numbers (bigint beyond 2^53), booleans, null; undefined where parsing
   * failed.
   */
  readonly value: unknown;
  /** Mistakes in the YAML syntax. */
  readonly mistakes: readonly Mistake[];

  /** @param file the name that mistakes use */
  constructor(readonly file: string, text: string) {
    const isTooLong = text.length > LONGEST;
    this.#document = this.#parse(isTooLong ? "" : text);
    // Duplicate keys leave the rest readable; after any other error, values are guesses.
    const readable = !isTooLong && this.#document.errors.length === 0;
    const found = [...this.#document.errors, ...this.#document.warnings];
    const errors = readable ? [...found, ...wrongKeys(this.#document)] : found;
    const tooDeep = errors.find(({ message }) => TOO_DEEP.test(message));
    const told = tooDeep === undefined ? errors.slice(0, MOST_MISTAKES) : [tooDeep];
    const mistakes = told.map((error) => this.#syntaxMistake(error));
    if (isTooLong) {
      const message = `is longer than ${LONGEST / 1024} KiB, the most that is read of a YAML file`;
      mistakes.push({ file, path: "", message });
    }
    const wrongAliases = readable ? findWrongAliases(this.#document) : [];
    for (const { offset, message } of wrongAliases.slice(0, MOST_MISTAKES)) {
      mistakes.push({ file, position: this.#positionOf(offset), path: this.#pathTo(offset), message });
    }
    let value: unknown;
    if (readable && wrongAliases.length === 0) {
      try {
        value = this.#document.toJS({ reviver: (_key, inner) => narrowed(inner) });
      } catch (error) {
        // The parser limits how far aliases may expand; aliases in aliases may also exhaust the stack.
        const why = TOO_DEEP.test(errorMessage(error))
          ? "aliases are nested too deeply"
          : "aliases stand for too many values";
        mistakes.push({ ...this.mistake([], `${why} (fewer aliases)`), path: "YAML" });
      }
    }
    this.value = value;
    this.mistakes = mistakes;
  }

  /**
   * @param path of the wrong or missing value; for a missing one, the position is that of the innermost map or list
   *   present
   * @param at whether the position is that of the value or of its key
   */
  mistake(path: Path, message: string, at: "value" | "key" = "value"): Mistake {
    return { file: this.file, position: this.#positionOf(this.#offset(path, at)), path: pathText(path), message };
  }

  /** Returns the plain value at a path, or undefined. */
  valueAt(path: Path): unknown {
    let value = this.value;
    for (const key of path) {
      if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
      value = Reflect.get(value, key);
    }
    return value;
  }

  #parse(text: string): Document {
    // Integers beyond 2^53 become bigint, because values of 64-bit elements may be that large.
    // Duplicate keys are looked for below: the parser compares each key of a map with each other one.
    const options = {
      lineCounter: this.#lines,
      prettyErrors: false,
      intAsBigInt: true,
      uniqueKeys: false,
      logLevel: "error" as const,
    };
    return parseDocument(text, options);
  }

  #offset(path: Path, at: "value" | "key"): number {
    let node: unknown = this.#document.contents;
    let offset = startOf(node) ?? 0;
    for (const [depth, key] of path.entries()) {
      const resolved = this.#resolve(node);
      let next: unknown;
      if (isMap(resolved)) {
        // Of a duplicate key, the last value counts.
        const pair = resolved.items.findLast((item) => isScalar(item.key) && String(item.key.value) === String(key));
        if (pair === undefined) return offset;
        if (at === "key" && depth === path.length - 1) return startOf(pair.key) ?? offset;
        next = pair.value;
        // A key without a value (`log:`) may have no node for it; the key is the nearest position.
        offset = startOf(next) ?? startOf(pair.key) ?? offset;
      } else if (isSeq(resolved) && typeof key === "number") {
        next = resolved.items[key];
        if (next === undefined) return offset;
        offset = startOf(next) ?? offset;
      } else {
        return offset;
      }
      node = next;
    }
    return offset;
  }

  #resolve(node: unknown): unknown {
    const alias = node !== null && typeof node === "object" && "resolve" in node ? node.resolve : undefined;
    return typeof alias === "function" ? alias.call(node, this.#document) : node;
  }

  #syntaxMistake(error: YAMLError): Mistake {
    const [offset] = error.pos;
    if (TOO_DEEP.test(error.message)) {
      const message = "nested too deeply (at most a few hundred levels)";
      return { file: this.file, position: this.#positionOf(offset), path: "YAML", message };
    }
    const message = error.message === PROTOTYPE
      ? "unknown key or element (any other name)"
      : WORDS.get(error.code) ?? `${firstLower(error.message).replace("tag:yaml.org,2002:", "!!")} (YAML 1.2)`;
    if (error.code === "MULTIPLE_DOCS") {
      return { file: this.file, position: this.#positionOf(offset), path: "YAML", message };
    }
    return { file: this.file, position: this.#positionOf(offset), path: this.#pathTo(offset), message };
  }

  #pathTo(offset: number): string {
    return pathTo(this.#document.contents, offset) || "YAML";
  }

  #positionOf(offset: number): { line: number; column: number } {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }
}

/** Schemas of maps with any keys leave this one out, because an assignment to it does not make a property. */
const PROTOTYPE = "__proto__";

/** Keys that a map has already, and such as no map can have. */
function wrongKeys(document: Document): YAMLParseError[] {
  const errors: YAMLParseError[] = [];
  visit(document, {
    Map(_, { items }) {
      const keys = new Set<unknown>();
      for (const { key } of items) {
        const value = isScalar(key) ? key.value : key;
        const at = startOf(key) ?? 0;
        if (value === PROTOTYPE) errors.push(new YAMLParseError([at, at], "IMPOSSIBLE", PROTOTYPE));
        if (keys.has(value)) errors.push(new YAMLParseError([at, at], "DUPLICATE_KEY", "Map keys must be unique"));
        keys.add(value);
      }
    },
  });
  return errors;
}

/** Aliases without an anchor before them, and such as stand for something that contains them. */
function findWrongAliases(document: Document): { offset: number; message: string }[] {
  const wrong: { offset: number; message: string }[] = [];
  const anchors = new Map<string, unknown>();
  visit(document, {
    Node(_, node, ancestors) {
      if (!isAlias(node)) {
        if (node.anchor !== undefined) anchors.set(node.anchor, node);
        return;
      }
      const { source } = node;
      const offset = startOf(node) ?? 0;
      if (!anchors.has(source)) {
        wrong.push({
          offset,
          message: `no anchor &${source} comes before the alias *${source} (an alias of an anchor)`,
        });
      } else if (ancestors.some((ancestor) => ancestor === anchors.get(source))) {
        const message = `the alias *${source} stands for something that contains it (aliases of other values)`;
        wrong.push({ offset, message });
      }
    },
  });
  return wrong;
}

function startOf(node: unknown): number | undefined {
  if (typeof node !== "object" || node === null || !("range" in node)) return undefined;
  const { range } = node;
  return Array.isArray(range) && typeof range[0] === "number" ? range[0] : undefined;
}

function endOf(node: unknown): number {
  if (typeof node !== "object" || node === null || !("range" in node)) return -1;
  const { range } = node;
  return Array.isArray(range) && typeof range[2] === "number" ? range[2] : -1;
}

/** The path of the innermost key or value at an offset. */
function pathTo(node: unknown, offset: number): string {
  const path: (string | number)[] = [];
  let inner: unknown = node;
  while (inner !== undefined) {
    let next: unknown;
    if (isMap(inner)) {
      const pair = inner.items.findLast(({ key }) => isScalar(key) && (startOf(key) ?? Infinity) <= offset);
      if (pair === undefined || !isScalar(pair.key)) break;
      path.push(String(pair.key.value));
      if (endOf(pair.key) <= offset) next = pair.value;
    } else if (isSeq(inner)) {
      const index = inner.items.findIndex((item) => (startOf(item) ?? Infinity) <= offset && offset <= endOf(item));
      if (index >= 0) {
        path.push(index);
        next = inner.items[index];
      }
    }
    inner = next;
  }
  return pathText(path);
}

/** Converts a bigint to a number where that is exact. */
function narrowed(value: unknown): unknown {
  if (typeof value !== "bigint") return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function firstLower(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}
