import type { ReportEvent } from "../proxy/reporting/proxy_event.ts";
import type { Clock } from "../proxy/time/clock.ts";

/** How often the parent is looked for, in milliseconds. */
const LOOK_MILLISECONDS = 5_000;

/**
 * Reports, once, that the process which started this one has ended. A runner that ends on SIGTERM without passing it on
 * leaves the proxy running, with its ports, and nobody would know why they are taken. The proxy itself goes on: it may
 * be meant to outlive a shell.
 *
 * @param parent returns the parent's process id now
 * @returns stops looking
 */
export function watchParent(parent: () => number, clock: Clock, report: ReportEvent): () => void {
  const started = parent();
  const stop = clock.every(LOOK_MILLISECONDS, () => {
    if (parent() === started) return;
    stop();
    report({
      level: "warning",
      event: "parent_gone",
      message:
        `process ${started}, which started the proxy, has ended, but the proxy keeps running; to stop it, send SIGTERM to process ` +
        `${Deno.pid}`,
      fields: { parent: started, process: Deno.pid },
    });
  });
  return stop;
}
