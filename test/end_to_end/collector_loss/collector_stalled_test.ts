import assert from "node:assert/strict";
import type { Exporter } from "../peers/exporter.ts";
import { settle, startExporters, withParts } from "../peers/fleet.ts";
import { moment, say } from "../support.ts";

/** Longer than any time limit that could end a session which waits; half a minute of it is part of the soak. */
const STALL_MILLISECONDS = 6_000;
const GROWTH_MEGABYTES = 40;

Deno.test("while a collector stalls, exporters wait, memory stays bounded and nothing is lost", () =>
  withParts({}, async ({ collector, proxy }) => {
    const exporters = await startExporters(proxy, 3, 2_000);
    await collector.untilRecords(10_000);
    const before = (await proxy.metrics()).residentMegabytes;
    collector.process.signal("SIGSTOP");
    const end = Date.now() + STALL_MILLISECONDS;
    let largest = before;
    // At least so long, and until the kernels hold all they can: then the proxy is what stops the exporters.
    for (let sent = -1, now = 0; Date.now() < end || now !== sent; await moment(500)) {
      sent = now;
      now = exporters.reduce((sum, { next }) => sum + next, 0);
      largest = Math.max(largest, (await proxy.metrics()).residentMegabytes);
    }
    collector.process.signal("SIGCONT");
    // A collector that does not close its side in time, having all that to read, would be taken for lost.
    for (const exporter of exporters) await exporter.halt();
    const hasAll = ({ observationDomain, next }: Exporter) => collector.flowsOf(observationDomain).at(-1) === next - 1;
    await collector.until("it has read all", () => exporters.every(hasAll));
    await settle(collector, exporters);
    assert.deepEqual(proxy.happened("collector_lost"), []);
    const grown = largest - before;
    const sent = exporters.reduce((sum, { next }) => sum + next, 0);
    say(`stalled ${STALL_MILLISECONDS / 1000} s: ${sent} records, none lost, memory grew by ${grown.toFixed(1)} MB`);
    assert.ok(grown < GROWTH_MEGABYTES, `memory grew by ${grown} MB`);
  }));
