/** Hostile exporters, and how long others wait beside them. */
import { fileURLToPath } from "node:url";
import { LineProcess } from "../../support/processes/line_process.ts";
import type { CollectorProcess } from "./collector.ts";
import { connectExporter } from "./exporter.ts";
import { NEWER, PROFILE } from "./fleet.ts";
import { FlowMessages } from "./flows.ts";
import type { HostileOptions } from "./hostile_process.ts";
import { ProxyProcess } from "../proxy.ts";
import { awaitLine, moment } from "../support.ts";

const HOSTILE = fileURLToPath(new URL("hostile_process.ts", import.meta.url));

/** Starts a hostile exporter; resolves once it sends. */
export async function startHostile(options: HostileOptions): Promise<LineProcess> {
  const permissions = ["--quiet", "--no-prompt", "--unstable-net", "--allow-net"];
  await using starting = new AsyncDisposableStack();
  const args = ["run", ...permissions, HOSTILE, JSON.stringify(options)];
  const hostile = starting.use(new LineProcess(Deno.execPath(), args));
  await awaitLine(hostile, "it sends", () => hostile.stdout.length > 0);
  starting.move();
  return hostile;
}

/** How long others waited, in milliseconds, in the order in which they did. */
export interface Waits {
  /** From sending a record to its arrival at the collector. */
  readonly records: number[];
  /** For the answer of `/live`. */
  readonly live: number[];
}

/**
 * A second proxy before the same collector, which no hostile exporter reaches. It has the same machine at the same
 * time: how long others wait for it says how busy that is.
 */
export function startControl(collector: { readonly port: number }): Promise<ProxyProcess> {
  return ProxyProcess.start({
    listen: [{ transport: "tcp" }],
    collector: { transport: "tcp", port: collector.port, profile: PROFILE },
  });
}

/** Sends records of a good exporter one by one, and asks `/live`, for so many milliseconds. */
export async function measureWaits(
  { proxy, collector }: { readonly proxy: ProxyProcess; readonly collector: CollectorProcess },
  milliseconds: number,
  observationDomain = 1,
): Promise<Waits> {
  const waits: Waits = { records: [], live: [] };
  const end = performance.now() + milliseconds;
  const exporter = await connectExporter(proxy.port());
  const messages = new FlowMessages(NEWER, observationDomain);
  await exporter.write(messages.templates);
  const last = () => collector.flowsOf(observationDomain).at(-1) ?? -1;
  const send = async () => {
    for (let flow = 0; performance.now() < end; flow++) {
      const begin = performance.now();
      await exporter.write(messages.message(flow));
      await collector.until(`flow ${flow} arrives`, () => last() >= flow);
      // The first one waits for the connection to the collector as well.
      if (flow > 0) waits.records.push(performance.now() - begin);
      await moment(10);
    }
  };
  const ask = async () => {
    while (performance.now() < end) {
      const begin = performance.now();
      await proxy.live();
      waits.live.push(performance.now() - begin);
      await moment(20);
    }
  };
  await Promise.all([send(), ask()]);
  exporter.close();
  return waits;
}

/**
 * The longest wait but for the longest twentieth, and the longest: a machine that is shared keeps anyone waiting at
 * times.
 */
export function describeWaits(waits: readonly number[]): { readonly most: number; readonly worst: number } {
  const sorted = waits.toSorted((one, other) => one - other);
  return { most: sorted[Math.floor(sorted.length * 0.95)] ?? NaN, worst: sorted.at(-1) ?? NaN };
}
