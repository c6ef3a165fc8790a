/** Milliseconds that a connection must last to count as accepted: a collector may accept it and close it at once. */
export const ACCEPTED_AFTER = 100;
const FIRST_BACKOFF = 100;
const LARGEST_BACKOFF = 5_000;

/**
 * Milliseconds before the next attempt to connect: exponential backoff with jitter.
 *
 * @param attempts failed attempts so far, at least one
 * @param random returns a number from 0 to 1
 */
export function backoff(attempts: number, random: () => number): number {
  return Math.min(FIRST_BACKOFF * 2 ** (attempts - 1), LARGEST_BACKOFF) * (0.5 + random() / 2);
}
