/** Octets per field while a template is mapped: decoded, and again for each plugin. */
const FIELD_OCTETS = 600;
/** Limit in octets for templates being mapped: one of 16,000 fields, or several shorter ones. */
const LIMIT = 10 * 2 ** 20;

/** A session that waits for its turn. */
interface Waiter {
  readonly octets: number;
  readonly turn: Promise<void>;
  readonly resolve: () => void;
}

/**
 * The long templates being mapped, over all sessions. A template takes many times the octets of its record while it is
 * mapped, so their sum is bounded; further ones wait in order of arrival.
 */
export class TemplateWork {
  readonly #limit: number;
  #used = 0;
  /** Octets of the templates being mapped, and of those whose turn has come. */
  readonly #held = new Map<object, number>();
  readonly #waiting = new Map<object, Waiter>();

  constructor(limit = LIMIT) {
    this.#limit = limit;
  }

  /** Octets of templates that are being mapped. */
  get used(): number {
    return this.#used;
  }

  /**
   * Begins a template of this many fields. A holder has one at a time.
   *
   * @returns a promise to wait for before asking again; undefined: it has begun, until {@link end}
   */
  begin(holder: object, fields: number): Promise<void> | undefined {
    if (this.#held.has(holder)) return undefined;
    const octets = fields * FIELD_OCTETS;
    const known = this.#waiting.get(holder);
    if (known !== undefined) return known.turn;
    if (this.#waiting.size === 0 && this.#fits(octets)) {
      this.#hold(holder, octets);
      return undefined;
    }
    const { promise: turn, resolve } = Promise.withResolvers<void>();
    this.#waiting.set(holder, { octets, turn, resolve });
    return turn;
  }

  /** Ends what the holder has begun, or its wait. */
  end(holder: object): void {
    const waiter = this.#waiting.get(holder);
    this.#waiting.delete(holder);
    waiter?.resolve();
    this.#used -= this.#held.get(holder) ?? 0;
    this.#held.delete(holder);
    for (const [next, { octets, resolve }] of this.#waiting) {
      if (!this.#fits(octets)) return;
      this.#waiting.delete(next);
      this.#hold(next, octets);
      resolve();
    }
  }

  #hold(holder: object, octets: number): void {
    this.#used += octets;
    this.#held.set(holder, octets);
  }

  /** A template longer than the limit has its turn when no other is being mapped. */
  #fits(octets: number): boolean {
    return this.#used === 0 || this.#used + octets <= this.#limit;
  }
}
