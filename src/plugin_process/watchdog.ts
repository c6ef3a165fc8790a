/**
 * Ends a plugin's process where the plugin does not: in a thread of its own, since the plugin may loop.
 *
 * V8 limits its own heap only. Array buffers, WebAssembly memories, strings that it keeps outside, and the heaps of
 * workers are none of it, so that the memory of the whole process is looked at. A process whose proxy is gone would
 * otherwise run on for as long as it has a timer or loops.
 *
 * @module
 */

/** Milliseconds between two looks. Memory is filled at a gigabyte a second at most. */
const INTERVAL = 25;

/** What ends the process. */
export interface Bounds {
  /** MiB that it may take. */
  readonly memory: number;
  /** The process that started it, without which it is of no use. */
  readonly parent: number;
}

/** Ends this process once it takes more memory than it may, or the process that started it is gone. */
export function startWatchdog({ memory, parent }: Bounds): void {
  const source = `setInterval(() => {
  if (Deno.ppid !== ${parent} || Deno.memoryUsage().rss > ${memory * 1024 * 1024}) Deno.kill(Deno.pid, "SIGKILL");
}, ${INTERVAL});`;
  new Worker(`data:text/javascript,${encodeURIComponent(source)}`, { type: "module" });
}
