import type { Random } from "./random.ts";

/** What is put in the place of a part of a plugin's answer. */
const GARBAGE = [
  "undefined",
  "null",
  "NaN",
  "minus one",
  "fraction",
  "huge number",
  "empty text",
  "long text",
  "prototype",
  "empty list",
  "sparse list",
  "object",
  "null prototype",
  "cycle",
  "getter",
  "throwing proxy",
  "endless proxy",
  "symbol",
  "function",
  "bigint",
  "map",
  "octets",
  "rejected promise",
  "deleted",
  "repeated",
  "small number",
  "word",
] as const;
type Garbage = typeof GARBAGE[number];

/** One change of an answer: which of its parts, counted as they are found, and what comes in its place. */
export interface Edit {
  readonly at: number;
  readonly garbage: Garbage;
  readonly number: number;
}

export function drawEdit(random: Random): Edit {
  return { at: random.word(), garbage: random.pick(GARBAGE), number: random.word() };
}

const WORDS = [
  "record",
  "constant",
  "session",
  "widen",
  "narrow",
  "to-variable",
  "ipv4-to-ipv6",
  "unsigned8",
  "string",
];

/** What an accessor in an answer throws: nobody asks it. */
export const ASKED = "an accessor of an answer was asked";

/** Changes a value of plain objects and lists in place. */
export function spoil(root: object, { at, garbage, number }: Edit): void {
  const places: [holder: Record<string, unknown>, key: string][] = [];
  collect(root as Record<string, unknown>, places, new Set());
  const place = places[at % Math.max(1, places.length)];
  if (place === undefined) return;
  const [holder, key] = place;
  switch (garbage) {
    case "deleted":
      delete holder[key];
      return;
    case "getter":
      Object.defineProperty(holder, key, {
        get() {
          throw new Error(ASKED);
        },
        configurable: true,
        enumerable: true,
      });
      return;
    case "repeated": {
      const list = Array.isArray(holder) ? holder : Array.isArray(holder[key]) ? holder[key] : undefined;
      if (list !== undefined && list.length > 0) {
        for (let count = number % 40; count > 0; count--) list.push(list[number % list.length]);
      }
      return;
    }
    default:
      holder[key] = make(garbage, number, root);
  }
}

function collect(
  value: Record<string, unknown>,
  places: [Record<string, unknown>, string][],
  seen: Set<unknown>,
): void {
  if (seen.has(value) || places.length > 10_000) return;
  seen.add(value);
  for (const [key, { value: part }] of Object.entries(Object.getOwnPropertyDescriptors(value))) {
    if (Array.isArray(value) && key === "length") continue;
    places.push([value, key]);
    const isPlain = Array.isArray(part) || Object.getPrototypeOf(part ?? 0) === Object.prototype;
    if (isPlain) collect(part as Record<string, unknown>, places, seen);
  }
}

function make(garbage: Exclude<Garbage, "deleted" | "getter" | "repeated">, number: number, root: object): unknown {
  switch (garbage) {
    case "undefined":
      return undefined;
    case "null":
      return null;
    case "NaN":
      return NaN;
    case "minus one":
      return -1;
    case "fraction":
      return 0.5;
    case "huge number":
      return 2 ** (20 + number % 40);
    case "small number":
      return number % 70;
    case "word":
      return WORDS[number % WORDS.length];
    case "empty text":
      return "";
    case "long text":
      return "x".repeat(number % 100_000);
    case "prototype":
      return "__proto__";
    case "empty list":
      return [];
    case "sparse list": {
      const list: unknown[] = [];
      list.length = 2 ** 32 - 1 - number % 9;
      return list;
    }
    case "object":
      return {};
    case "null prototype":
      return Object.create(null);
    case "cycle":
      return root;
    case "throwing proxy":
      return new Proxy({}, {
        getOwnPropertyDescriptor: () => {
          throw new Error("not this one");
        },
      });
    case "endless proxy":
      return new Proxy({}, { getOwnPropertyDescriptor: () => ({ value: root, configurable: true }) });
    case "symbol":
      return Symbol("plugin");
    case "function":
      return () => number;
    case "bigint":
      return BigInt(number);
    case "map":
      return new Map([[number % 5, "own"], [0, "own"]]);
    case "octets":
      return new Uint8Array(number % 70_000);
    case "rejected promise": {
      const promise = Promise.reject(new Error("later"));
      promise.catch(() => {});
      return promise;
    }
  }
}
