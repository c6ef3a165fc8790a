import type { Counters } from "../../../mediation/templates/counters.ts";

/** Where it is counted, by name, what one side has and the other has no place for. */
export class FlowLedger {
  #counters: Counters | undefined;

  /** Counts there from now on: a session's own counters. */
  begin(counters: Counters): void {
    this.#counters = counters;
  }

  get counters(): Counters | undefined {
    return this.#counters;
  }

  /** One record lost what this element or field said. */
  lose(name: string): void {
    this.#counters?.fieldsStripped.add(name, 1);
    this.#counters?.informationLost.add(name, 1);
  }
}
