/** Sees what a session's rewriter takes in and gives out. Called for each read, never for a record. */
export interface RewriterTap {
  /**
   * The rewriter was called. Octets may change as soon as this returns: copy what is to be kept.
   *
   * @param input what was offered
   * @param consumed octets at the start of `input` that were taken: whole messages
   * @param output whole messages that came out
   */
  take(input: Uint8Array, consumed: number, output: Uint8Array): void;
  /** The session has ended. */
  close(): void;
}
