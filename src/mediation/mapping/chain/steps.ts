/**
 * Work in steps, between which other sessions have a turn. Each step yields its cost, in units of about a
 * microsecond.
 */
export type Steps<Result> = Generator<number, Result>;

/** A step of work that may have to wait: its cost, or a promise to await before the next step. */
export type Step = number | Promise<void>;

/** Cost that ends the current turn. */
export const WHOLE_TURN = 1e9;

/** Source fields of a template from which on it is mapped and compiled in several steps. */
export const MANY_FIELDS = 1_024;
/** Cost of a step per field. */
const FIELD_COST = 0.25;

/** Ends a step of work on a template of this many fields. Small templates need no steps. */
export function* endStep(fields: number): Steps<void> {
  if (fields >= MANY_FIELDS) yield fields * FIELD_COST;
}

/** Does all the work at once, without waiting. */
export function complete<Result>(steps: Generator<Step, Result>): Result {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
