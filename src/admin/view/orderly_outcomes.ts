/** Outcomes of sessions by which nothing is lost, and that nobody has to look into. */
export const ORDERLY_OUTCOMES: ReadonlySet<string> = new Set(["closed", "drained", "administrator", "idle"]);
