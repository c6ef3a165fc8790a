import { allocate, memoryWords, release } from "./memory.ts";

/**
 * What the rewrite loop needs to know of one template of a session; `program`, `counters` and `sequence` are addresses
 * in its memory.
 */
export interface Route {
  readonly observationDomain: number;
  readonly template: number;
  readonly program: number;
  readonly counters: number;
  readonly targetTemplate: number;
  readonly sequence: number;
}

const ROUTE_WORDS = 6;
const SESSION_LENGTH = 64;
const SMALLEST_TABLE = 4;

/** The observation domain id as the loop reads it, its octets in the opposite order. */
function swapped(value: number): number {
  return (((value & 0xff) << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0;
}

/** The same as in findRoute of assembly/rewrite_loop.as.ts. */
function hash(domain: number, template: number): number {
  return ((Math.imul(domain, 0x9e3779b1) + Math.imul(template, 0x85ebca6b)) >>> 0) >>> 7;
}

/**
 * One session's block in the loop's memory and its table of routes, by observation domain and set id: a hash table that
 * is at most half full. Nothing of it is held a second time in JavaScript, because thousands of sessions have one.
 */
export class Routes {
  /** Address of the session block, for {@link rewriteMessages}. */
  readonly address: number;
  #table = 0;
  #capacity = 0;
  #count = 0;

  /**
   * @param maxMessageLength in octets
   * @throws RangeError when the loop's memory is used up
   */
  constructor(maxMessageLength: number) {
    this.address = allocate(SESSION_LENGTH);
    if (this.address === 0) throw new RangeError("the rewrite loop's memory is used up");
    if (!this.#resize(SMALLEST_TABLE)) {
      release(this.address, SESSION_LENGTH);
      throw new RangeError("the rewrite loop's memory is used up");
    }
    this.maxMessageLength = maxMessageLength;
  }

  /** Octets of the longest message to the collector. */
  set maxMessageLength(octets: number) {
    memoryWords[(this.address >>> 2) + 1] = octets;
  }

  /** Messages that the loop's next call may write; Infinity: any number. */
  set maxMessages(messages: number) {
    memoryWords[this.address >>> 2] = Math.min(messages, 0xffffffff);
  }

  /**
   * Adds a route, or replaces the one of the same domain and template.
   *
   * @returns false when the loop's memory is used up: without a route the template's messages are read in TypeScript
   */
  set({ observationDomain, template, program, counters, targetTemplate, sequence }: Route): boolean {
    const domain = swapped(observationDomain);
    const isNew = memoryWords[this.#find(domain, template) + 1] === 0;
    if (isNew && (this.#count + 1) * 2 > this.#capacity && !this.#resize(this.#capacity * 2)) return false;
    if (isNew) this.#count++;
    memoryWords.set([domain, template, program, counters, targetTemplate, sequence], this.#find(domain, template));
    return true;
  }

  delete(observationDomain: number, template: number): void {
    const word = this.#find(swapped(observationDomain), template);
    if (memoryWords[word + 1] === 0) return;
    this.#count--;
    const mask = this.#capacity - 1;
    let hole = (word - (this.#table >>> 2)) / ROUTE_WORDS;
    // A later route up to the next free place moves into the hole unless its own place lies behind the hole.
    for (let index = (hole + 1) & mask; memoryWords[this.#word(index) + 1] !== 0; index = (index + 1) & mask) {
      const from = this.#word(index);
      const home = hash(memoryWords[from] ?? 0, memoryWords[from + 1] ?? 0) & mask;
      if (((index - home) & mask) < ((index - hole) & mask)) continue;
      memoryWords.copyWithin(this.#word(hole), from, from + ROUTE_WORDS);
      hole = index;
    }
    memoryWords[this.#word(hole) + 1] = 0;
  }

  close(): void {
    release(this.#table, this.#capacity * ROUTE_WORDS * 4);
    release(this.address, SESSION_LENGTH);
  }

  /** Moves the routes into a table of this many places. Returns false if the memory is used up. */
  #resize(capacity: number): boolean {
    const table = allocate(capacity * ROUTE_WORDS * 4);
    if (table === 0) return false;
    const rows = [...this.#rows()];
    release(this.#table, this.#capacity * ROUTE_WORDS * 4);
    this.#table = table;
    this.#capacity = capacity;
    memoryWords.fill(0, table >>> 2, (table >>> 2) + capacity * ROUTE_WORDS);
    for (const row of rows) memoryWords.set(row, this.#find(row[0] ?? 0, row[1] ?? 0));
    const block = this.address >>> 2;
    memoryWords[block + 2] = table;
    memoryWords[block + 3] = capacity - 1;
    return true;
  }

  /** Copies of all routes. */
  *#rows(): Generator<Uint32Array> {
    const start = this.#table >>> 2;
    for (let word = start; word < start + this.#capacity * ROUTE_WORDS; word += ROUTE_WORDS) {
      if (memoryWords[word + 1] !== 0) yield memoryWords.slice(word, word + ROUTE_WORDS);
    }
  }

  /** The index of the first word of a place in the table. */
  #word(index: number): number {
    return (this.#table >>> 2) + index * ROUTE_WORDS;
  }

  /** The index of this route's first word, or of the place where it would go. */
  #find(domain: number, template: number): number {
    for (let index = hash(domain, template);; index++) {
      const word = this.#word(index & (this.#capacity - 1));
      const found = memoryWords[word + 1];
      if (found === 0 || (found === template && memoryWords[word] === domain)) return word;
    }
  }
}
