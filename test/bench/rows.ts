/** What a row is held to. */
export interface Goal {
  readonly of: "ratio" | "difference" | "figure";
  readonly limit: number;
  /** Whether more is better, so that the limit is the least. */
  readonly atLeast?: boolean;
}

/**
 * A goal that may be reached in either of two ways: by a fixed limit, or by what was measured of a peer in the same
 * rounds. The limit is the easier of the two; the fixed one where the peer is missing.
 */
export function eitherGoal(fixed: Goal, ofPeer: number | undefined): Goal {
  if (ofPeer === undefined || Number.isNaN(ofPeer)) return fixed;
  const easier = fixed.atLeast === true ? Math.min(fixed.limit, ofPeer) : Math.max(fixed.limit, ofPeer);
  return { ...fixed, limit: Math.round(easier * 1000) / 1000 };
}

/** One program's figure, once for each round. */
export interface Figures {
  readonly name: string;
  readonly samples: readonly number[];
}

/** One line of the table. */
export interface Row {
  readonly part: string;
  readonly what: string;
  readonly unit: string;
  readonly median: number;
  readonly samples: readonly number[];
  /** What it is compared with, measured in the same rounds. */
  readonly beside?: { readonly name: string; readonly median: number; readonly samples: readonly number[] };
  /** Medians over the rounds: figure by figure beside it, and less it. */
  readonly ratio?: number;
  readonly difference?: number;
  readonly goal?: Goal;
}

/** The middle of the numbers, or between the two in the middle; NaN of none. */
export function median(numbers: readonly number[]): number {
  return percentile(numbers.toSorted((one, other) => one - other), 0.5);
}

/** A number of a rising list, between two where it falls between them. @param share 0 to 1 */
export function percentile(rising: ArrayLike<number>, share: number): number {
  const place = (rising.length - 1) * share;
  const [low = NaN, high = NaN] = [rising[Math.floor(place)], rising[Math.ceil(place)]];
  return low + (high - low) * (place - Math.floor(place));
}

/**
 * Puts figures side by side; rounds are compared one by one, since a machine may be busy in one and not in the next.
 */
export function row(
  part: string,
  unit: string,
  figures: Figures,
  options: { readonly beside?: Figures | undefined; readonly goal?: Goal | undefined } = {},
): Row {
  const { beside, goal } = options;
  const { name: what, samples } = figures;
  const compared = (compare: (one: number, other: number) => number) =>
    median(samples.map((sample, round) => compare(sample, beside?.samples[round] ?? NaN)));
  return {
    part,
    what,
    unit,
    median: median(samples),
    samples,
    ...(beside === undefined ? {} : {
      beside: { ...beside, median: median(beside.samples) },
      ratio: compared((one, other) => one / other),
      difference: compared((one, other) => one - other),
    }),
    ...(goal === undefined ? {} : { goal }),
  };
}

/** Measures each in turn, so many times: what one has by each is a list with an entry for each round. */
export async function inTurn<Each, Result>(
  all: readonly Each[],
  rounds: number,
  measure: (each: Each) => Promise<Result>,
): Promise<Result[][]> {
  const results: Result[][] = all.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, each] of all.entries()) results[index]?.push(await measure(each));
  }
  return results;
}
