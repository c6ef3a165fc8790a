/** What most tests of this folder begin with: a collector of v1.15, a proxy before it, Agents of v2.0. */
import assert from "node:assert/strict";
import { CollectorProcess } from "./collector.ts";
import { connectExporter, Exporter } from "./exporter.ts";
import { flowLayouts } from "./flows.ts";
import { type ProxyConfiguration, ProxyProcess } from "../proxy.ts";

/** The collector's release, and that of the Agents whose templates it cannot take. */
export const COLLECTOR = "v1.15.2";
export const NEWER = "v2.0.0";
export const PROFILE = "antrea/v1.15";

/** A collector and a proxy before it. */
export interface Parts {
  readonly collector: CollectorProcess & { readonly port: number };
  readonly proxy: ProxyProcess;
}

/**
 * Runs a test with both over TCP, or as it configures the proxy; ends them whatever happens. What the collector gets
 * has to be right.
 */
export async function withParts(
  configuration: Partial<Omit<ProxyConfiguration, "collector">>,
  run: (parts: Parts) => Promise<void>,
): Promise<void> {
  await using collector = await CollectorProcess.start({ transport: "tcp", layouts: flowLayouts(COLLECTOR) });
  await using proxy = await ProxyProcess.start({
    listen: [{ transport: "tcp" }],
    collector: { transport: "tcp", port: collector.port, profile: PROFILE },
    ...configuration,
  });
  await run({ collector, proxy });
  collector.assertRight();
}

/** So many Agents under load over TCP, each with an observation domain of its own, from 1. */
export async function startExporters(proxy: ProxyProcess, count: number, perBurst = 100): Promise<Exporter[]> {
  return await Promise.all(
    Array.from(
      { length: count },
      async (_, index) => new Exporter(await connectExporter(proxy.port()), NEWER, index + 1, perBurst),
    ),
  );
}

/**
 * Stops the exporters, waits until the collector has all that they sent, and checks that it came once and in order.
 *
 * @param first the flow of each with which this collector begins; 0 by default
 */
export async function settle(
  collector: CollectorProcess,
  exporters: readonly Exporter[],
  first: readonly number[] = [],
): Promise<void> {
  for (const exporter of exporters) await exporter.stop();
  for (const { failure } of exporters) assert.equal(failure, undefined);
  const last = ({ observationDomain }: Exporter) => collector.flowsOf(observationDomain).at(-1) ?? -1;
  const missing = () => exporters.find((exporter) => last(exporter) !== exporter.next - 1);
  await collector.until(
    () => `all has arrived of domain ${missing()?.observationDomain}: ${missing()?.next}`,
    () => missing() === undefined,
  );
  for (const [index, { observationDomain, next, socket }] of exporters.entries()) {
    assert.deepEqual(collector.flowsOf(observationDomain), [first[index] ?? 0, next - 1], "each once, in order");
    socket.close();
  }
}
