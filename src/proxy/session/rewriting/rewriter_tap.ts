/** Observes the input and output of a session's rewriter. Called per read, never per record. */
export interface RewriterTap {
  /**
   * The rewriter was called. The buffers are reused as soon as this returns: copy what you keep.
   *
   * @param input what was offered
   * @param consumed octets at the start of `input` that were taken: whole messages
   * @param output whole messages that came out
   */
  take(input: Uint8Array, consumed: number, output: Uint8Array): void;
  /** The session has ended. */
  close(): void;
}
