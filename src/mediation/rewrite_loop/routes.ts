import { allocate, memoryWords, release } from "./memory.ts";

/** What the rewrite loop needs to know of one template of a session. Addresses in its memory. */
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

/** The exporter's domain as the loop reads it: without turning the octets round. */
function swapped(value: number): number {
  return (((value & 0xff) << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0;
}

/**
 * One session's block in the loop's memory and its table of routes, by observation domain and set id: a hash table that is never more
 * than half full.
 */
export class Routes {
  /** The session block: what {@link rewriteMessages} takes. */
  readonly address: number;
  readonly #routes = new Map<number, Route>();
  #table = 0;
  #capacity = 0;

  /**
   * @param maxMessageLength in octets
   * @throws RangeError when the loop's memory is used up
   */
  constructor(maxMessageLength: number) {
    this.address = allocate(SESSION_LENGTH);
    if (this.address === 0) throw new RangeError("the rewrite loop's memory is used up");
    const block = this.address >>> 2;
    memoryWords[block + 1] = maxMessageLength;
    this.#resize(SMALLEST_TABLE);
  }

  /** Octets of the longest message that may go out. */
  set maxMessageLength(octets: number) {
    memoryWords[(this.address >>> 2) + 1] = octets;
  }

  /** How many messages the next call of the loop may give out; Infinity: any. */
  set maxMessages(messages: number) {
    memoryWords[this.address >>> 2] = Math.min(messages, 0xffffffff);
  }

  /** Puts a route in, in the place of one with the same domain and template. @throws RangeError when the memory is used up */
  set(route: Route): void {
    const key = keyOf(route.observationDomain, route.template);
    const isNew = !this.#routes.has(key);
    this.#routes.set(key, route);
    if (isNew && this.#routes.size * 2 > this.#capacity) this.#resize(this.#capacity * 2);
    else this.#write(route);
  }

  delete(observationDomain: number, template: number): void {
    if (this.#routes.delete(keyOf(observationDomain, template))) this.#resize(this.#capacity);
  }

  close(): void {
    release(this.#table, this.#capacity * ROUTE_WORDS * 4);
    release(this.address, SESSION_LENGTH);
  }

  #resize(capacity: number): void {
    const table = capacity === this.#capacity ? this.#table : allocate(capacity * ROUTE_WORDS * 4);
    if (table === 0) throw new RangeError("the rewrite loop's memory is used up");
    if (table !== this.#table) release(this.#table, this.#capacity * ROUTE_WORDS * 4);
    this.#table = table;
    this.#capacity = capacity;
    memoryWords.fill(0, table >>> 2, (table >>> 2) + capacity * ROUTE_WORDS);
    for (const route of this.#routes.values()) this.#write(route);
    const block = this.address >>> 2;
    memoryWords[block + 2] = table;
    memoryWords[block + 3] = capacity - 1;
  }

  #write(route: Route): void {
    const domain = swapped(route.observationDomain);
    // The loop's own hash: see findRoute.
    let index = ((Math.imul(domain, 0x9e3779b1) + Math.imul(route.template, 0x85ebca6b)) >>> 0) >>> 7;
    for (;;) {
      const word = (this.#table >>> 2) + (index & (this.#capacity - 1)) * ROUTE_WORDS;
      const found = memoryWords[word + 1];
      if (found === 0 || (found === route.template && memoryWords[word] === domain)) {
        memoryWords[word] = domain;
        memoryWords[word + 1] = route.template;
        memoryWords[word + 2] = route.program;
        memoryWords[word + 3] = route.counters;
        memoryWords[word + 4] = route.targetTemplate;
        memoryWords[word + 5] = route.sequence;
        return;
      }
      index++;
    }
  }
}

function keyOf(observationDomain: number, template: number): number {
  return observationDomain * 65536 + template;
}
