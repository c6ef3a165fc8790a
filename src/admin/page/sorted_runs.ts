/** Rows that are taken before the event loop is yielded to; each takes as many comparisons as there are runs. */
const TAKEN = 128;

/**
 * Sorts thousands of rows without a long step: in short runs as they come, of which as many are merged as are shown.
 */
export class SortedRuns<Row> {
  readonly #compare: (one: Row, other: Row) => number;
  readonly #runs: Row[][] = [];
  #run: Row[] = [];
  length = 0;

  constructor(compare: (one: Row, other: Row) => number) {
    this.#compare = compare;
  }

  add(row: Row): void {
    this.#run.push(row);
    this.length++;
  }

  /** Sorts what was added since the last call. */
  endRun(): void {
    if (this.#run.length > 0) this.#runs.push(this.#run.sort(this.#compare));
    this.#run = [];
  }

  /**
   * Returns the sorted rows from one position up to another. Nothing may be added after it.
   *
   * @param pause called from time to time
   */
  async slice(start: number, end: number, pause: () => Promise<void>): Promise<Row[]> {
    this.endRun();
    const heads = this.#runs.map(() => 0);
    const rows: Row[] = [];
    for (let position = 0; position < end; position++) {
      if (position > 0 && position % TAKEN === 0) await pause();
      const row = this.#next(heads);
      if (row === undefined) break;
      if (position >= start) rows.push(row);
    }
    return rows;
  }

  /** Takes the first row of all runs. */
  #next(heads: number[]): Row | undefined {
    let least = -1;
    let row: Row | undefined;
    for (const [index, run] of this.#runs.entries()) {
      const head = run[heads[index] ?? 0];
      if (head === undefined || (row !== undefined && this.#compare(head, row) >= 0)) continue;
      [least, row] = [index, head];
    }
    if (least >= 0) heads[least] = (heads[least] ?? 0) + 1;
    return row;
  }
}
