import { type CollectorExpectations, CurrentCollector, type CurrentCollectorParts } from "./current_collector.ts";
import { type CollectorOptions, placeOf } from "./collector/collector_options.ts";
import type { OtherCollector, ProxyOptions } from "./proxy_options.ts";

type CollectorsOptions = Pick<ProxyOptions, "collector" | "expectation" | "candidates" | "others">;

/**
 * The collectors of a proxy: that of most sessions, and those that only some sessions have. Each has its own watch
 * connection, epochs and expectation. There is one for each process, however many rules name it.
 */
export class Collectors implements Iterable<CurrentCollector> {
  readonly #parts: CurrentCollectorParts;
  #base: CurrentCollector;
  /** By {@link OtherCollector.key}. */
  #others: Map<string, CurrentCollector>;
  #started = false;

  constructor({ collector, others = [], ...expectations }: CollectorsOptions, parts: CurrentCollectorParts) {
    this.#parts = parts;
    this.#base = new CurrentCollector(collector, expectations, parts);
    this.#others = new Map(others.map((other) => [other.key, this.#make(other.collector, expectationsOf(other))]));
  }

  /** The collector of sessions for which nothing else is said. */
  get base(): CurrentCollector {
    return this.#base;
  }

  /** Those that only some sessions have, by {@link OtherCollector.key}. */
  get others(): ReadonlyMap<string, CurrentCollector> {
    return this.#others;
  }

  *[Symbol.iterator](): Iterator<CurrentCollector> {
    yield this.#base;
    yield* this.#others.values();
  }

  /** @param key as in {@link SessionChoice.collector} */
  get(key: string | undefined): CurrentCollector {
    return key === undefined ? this.#base : this.#others.get(key) ?? this.#base;
  }

  /** Begins to watch them. */
  start(): void {
    this.#started = true;
    for (const collector of this) collector.start();
  }

  close(): void {
    for (const collector of this) collector.close();
  }

  /** Called every second. */
  tick(): void {
    for (const collector of this) collector.tick();
  }

  /**
   * Replaces the collectors. One that stays at its place keeps its epoch, whichever sessions it is for.
   *
   * @param expectations those of the first collector; without any, the previous ones stay
   * @param now whether they may take effect at once, although a process lives under another expectation
   * @returns the collectors whose sessions have to dial again, because the way to them has changed
   */
  change(
    { collector, others = [] }: Pick<ProxyOptions, "collector" | "others">,
    expectations: CollectorExpectations,
    now: boolean,
  ): ReadonlySet<CurrentCollector> {
    const standing = new Map([...this].map((one) => [one.place, one]));
    const changed = new Set<CurrentCollector>();
    const isWanted = new Set([collector, ...others.map((other) => other.collector)].map(placeOf));
    const before = this.#base;
    // If its place changes, it keeps what is known of the collector, unless another rule still names the old place.
    const base = standing.get(placeOf(collector)) ?? (isWanted.has(before.place) ? undefined : before);
    if (base !== undefined) standing.delete(base.place);
    if (base?.change(collector, expectations, now) === true) changed.add(base);
    this.#base = base ?? this.#begin(this.#make(collector, expectations));
    this.#others = new Map(others.map((other) => {
      const place = placeOf(other.collector);
      const known = standing.get(place);
      standing.delete(place);
      if (known?.change(other.collector, expectationsOf(other), other.switchNow === true) === true) changed.add(known);
      return [other.key, known ?? this.#begin(this.#make(other.collector, expectationsOf(other)))];
    }));
    for (const left of standing.values()) left.close();
    return changed;
  }

  #make(options: CollectorOptions, expectations: CollectorExpectations): CurrentCollector {
    return new CurrentCollector(options, expectations, this.#parts, this.#parts.mediator.collector?.());
  }

  #begin(collector: CurrentCollector): CurrentCollector {
    if (this.#started) collector.start();
    return collector;
  }
}

function expectationsOf({ expectation, candidates }: OtherCollector): CollectorExpectations {
  return {
    ...(expectation === undefined ? {} : { expectation }),
    ...(candidates === undefined ? {} : { candidates }),
  };
}
