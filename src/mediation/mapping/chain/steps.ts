/**
 * Work in steps, between two of which others have a turn. Each step yields what it has cost, in units of about a
 * microsecond.
 */
export type Steps<Result> = Generator<number, Result>;

/** A step of work that may have to wait for others: what it has cost, or what to wait for before it goes on. */
export type Step = number | Promise<void>;

/** What a step says to have cost after which the present turn ends. */
export const WHOLE_TURN = 1e9;

/** Source fields of a template from which on it is mapped and compiled in several steps. */
export const MANY_FIELDS = 1_024;
/** What a step costs for each field. */
const FIELD_COST = 0.25;

/** Ends a step of work on a template of this many fields. Small templates need no steps. */
export function* endStep(fields: number): Steps<void> {
  if (fields >= MANY_FIELDS) yield fields * FIELD_COST;
}

/** Does all the work at once, waiting for nobody. */
export function complete<Result>(steps: Generator<Step, Result>): Result {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
