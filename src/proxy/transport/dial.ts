import type { Connection, Dial } from "./connection.ts";

/**
 * Dials until the signal is aborted, whatever the dialler is doing then: a lookup by node:dns, which UDP needs, cannot
 * be interrupted and takes as long as the resolver does. A connection that comes too late is closed.
 *
 * @throws as {@link Dial}
 */
export async function dialUnlessAborted(dial: Dial, signal: AbortSignal): Promise<Connection> {
  const dialling = dial(signal);
  try {
    return await orAborted(dialling, signal);
  } catch (error) {
    if (signal.aborted) dialling.then((connection) => connection.close(), () => {});
    throw error;
  }
}

/** @throws the signal's reason once it is aborted */
export async function orAborted<Result>(promise: Promise<Result>, signal: AbortSignal): Promise<Result> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
