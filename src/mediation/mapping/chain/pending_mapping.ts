/**
 * Thrown where a template cannot be mapped yet because a plugin in a process of its own has not answered. The core
 * stays synchronous: the caller undoes what it began, waits, and asks again once the answer is there.
 */
export class PendingMapping extends Error {
  override readonly name = "PendingMapping";

  /** @param settled resolves once asking again gets an answer or an error; never rejects */
  constructor(readonly settled: Promise<void>) {
    super("a plugin has not answered yet");
  }
}

/** Whether this was thrown for that reason. A proxy that a plugin throws may refuse to say what it is. */
export function isPending(error: unknown): error is PendingMapping {
  try {
    return error instanceof PendingMapping;
  } catch {
    return false;
  }
}

/**
 * Runs a function again until nothing that it needs is pending.
 *
 * ```ts
 * import assert from "node:assert/strict";
 *
 * let answer: number | undefined;
 * const ask = () => {
 *   if (answer === undefined) throw new PendingMapping(Promise.resolve().then(() => void (answer = 42)));
 *   return answer;
 * };
 * assert.equal(await settled(ask), 42);
 * ```
 *
 * @throws any other error of the function
 */
export async function settled<Result>(run: () => Result): Promise<Result> {
  for (;;) {
    try {
      return run();
    } catch (error) {
      if (!(error instanceof PendingMapping)) throw error;
      await error.settled;
    }
  }
}
