/** A sentence and its level, which is shown by colour and sign. */
export interface Statement {
  readonly level: "good" | "notice" | "warning" | "bad";
  readonly sentence: string;
  /** Further details, in full sentences. */
  readonly detail?: string;
}
