/** Octets of the buffer that rewritten messages are put into, and of the largest write. A rewriter wants at least 65535. */
export const OUTPUT_OCTETS = 256 * 1024;
