/** Octets of the buffer that rewritten messages are put into, and of the largest write. A rewriter wants at least 65535. */
export const OUTPUT_OCTETS = 256 * 1024;

/** What a message or two of one record need. */
export const SMALLEST_OUTPUT = 4 * 1024;

/** Up to so many octets, copying them costs less than keeping a whole output buffer while they are written. */
export const SMALL_OUTPUT = 16 * 1024;
