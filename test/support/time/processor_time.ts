import process from "node:process";

/**
 * Milliseconds that this thread has worked so far. How long something takes that waits for nothing is a difference of
 * them: other work on the machine makes it no longer. It goes by steps of some milliseconds.
 */
export function processorTime(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
