import type { Counters } from "../../../mediation/templates/counters.ts";
import type { AdminView } from "../../view/view.ts";

/** One series of a metric at the moment of a scrape. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The state that all metrics of one scrape read. */
export interface Snapshot {
  readonly view: AdminView;
  readonly totals: Counters;
  /** The parts of them that were counted while sessions were observed, and while they were not. */
  readonly observed: Counters;
  readonly rewritten: Counters;
}

/** A metric: its name without prefix, what it counts in which unit, its labels, and how it is read. */
export interface MetricDefinition {
  readonly kind: "counter" | "gauge";
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
  readonly read: (snapshot: Snapshot) => Iterable<Sample>;
}

/** Returns the one sample of a metric without labels. */
export function one(value: number): Sample[] {
  return [{ labels: {}, value }];
}

/** Returns a sample for each key: first those that are always exposed, even at 0, then all others counted. */
export function by(
  label: string,
  counts: ReadonlyMap<string, number> = new Map(),
  always: readonly string[] = [],
): Sample[] {
  const all = new Map<string, number>(always.map((key) => [key, 0]));
  for (const [key, count] of counts) all.set(key, count);
  return [...all].map(([key, value]) => ({ labels: { [label]: key }, value }));
}
