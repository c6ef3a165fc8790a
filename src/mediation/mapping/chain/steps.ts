/**
 * Work in steps, between two of which others have a turn. Each step yields what it has cost, in units of about a
 * microsecond.
 */
export type Steps<Result> = Generator<number, Result>;

/** Source fields of a template from which on it is mapped and compiled in several steps. */
const MANY_FIELDS = 1_024;
/** What a step costs for each field. */
const FIELD_COST = 0.25;

/** Ends a step of work on a template of this many fields. Small templates need no steps. */
export function* endStep(fields: number): Steps<void> {
  if (fields >= MANY_FIELDS) yield fields * FIELD_COST;
}

/** Does all the work at once. */
export function complete<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
