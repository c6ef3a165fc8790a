import type { Counters } from "../../../../mediation/templates/counters.ts";

/** Counts, by name, the values that one side has and the other cannot represent. */
export class FlowLedger {
  #counters: Counters | undefined;

  /** Counts in these counters from now on. */
  begin(counters: Counters): void {
    this.#counters = counters;
  }

  get counters(): Counters | undefined {
    return this.#counters;
  }

  /** Counts the loss of an element's or field's value in one record. */
  lose(name: string): void {
    this.#counters?.fieldsStripped.add(name, 1);
    this.#counters?.informationLost.add(name, 1);
  }
}
