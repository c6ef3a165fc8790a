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

/** Seconds of processor time that a process may use while it is asked nothing, beyond a tenth of the time. */
const IDLE_SECONDS = 2;

/** What ends the process. */
export interface Bounds {
  /** MiB that it may take. */
  readonly memory: number;
  /** The process that started it, without which it is of no use. */
  readonly parent: number;
}

/**
 * Ends this process once it takes more memory than it may, works on although it is asked nothing, or the process that
 * started it is gone.
 *
 * @returns says whether it is asked something; at first it is, to load the plugin
 */
export function startWatchdog({ memory, parent }: Bounds): (isAsked: boolean) => void {
  const source = `const used = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1e6; };
let isAsked = true;
let before = used();
let excess = 0;
onmessage = ({ data }) => isAsked = data;
setInterval(() => {
  const now = used();
  excess = Math.max(0, excess + (isAsked ? 0 : now - before) - ${INTERVAL / 10_000});
  before = now;
  if (excess > ${IDLE_SECONDS} || Deno.ppid !== ${parent} || Deno.memoryUsage().rss > ${memory * 1024 * 1024}) {
    Deno.kill(Deno.pid, "SIGKILL");
  }
}, ${INTERVAL});`;
  const thread = new Worker(`data:text/javascript,${encodeURIComponent(source)}`, { type: "module" });
  // Taken before the plugin is loaded, which could put another method in its place, and so get hold of the thread.
  return thread.postMessage.bind(thread);
}
