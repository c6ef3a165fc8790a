/** What arrives at a real collector of one release from a real exporter of another. */
import { judge, type Judgement, type Pair, uncounted } from "./judge.ts";
import { Collector, Exporter, type Identity, type Transport } from "../peers/peers.ts";
import type { Line } from "../peers/releases.ts";
import { sendRecords, type Target } from "../peers/send_records.ts";
import type { Flavour } from "../peers/values.ts";

/** `known`: the collector has had this observation domain's template of its own release before, as in every upgrade. */
export type Scenario = "fresh" | "known";

/** Something between the two, such as a proxy. */
export interface Intermediary {
  /** Where exporters send to. */
  readonly address: string;
  close(): Promise<void>;
}

/** Puts something between exporters and the collector of a release that listens at an address. */
export type Via = (collectorAddress: string, collector: Line) => Promise<Intermediary>;

export interface MeasureOptions {
  readonly scenario: Scenario;
  /** Data records to send, IPv4 and IPv6 by turns. */
  readonly records: number;
  readonly flavour: Flavour;
  readonly transport?: Transport;
  /** By side, when the transport is tls. */
  readonly identities?: { readonly exporter: Identity; readonly collector: Identity };
  readonly via?: Via;
}

export interface Measurement extends Judgement {
  readonly agent: string;
  readonly agentGoIpfix: string;
  readonly collector: string;
  readonly collectorGoIpfix: string;
  readonly scenario: Scenario;
  /** Data records that the exporter had to send. */
  readonly sent: number;
  /** Whether the exporter lost its connection. */
  readonly closed: boolean;
  /** What the collector died of. */
  readonly panic: string | null;
}

const observationDomain = 0xa17ea;

/** Sends records from a fresh exporter to a fresh collector, one at a time, and counts what comes out. */
export async function measurePair(pair: Pair, options: MeasureOptions): Promise<Measurement> {
  const { transport = "tcp", identities } = options;
  await using collector = await Collector.start(pair.collector.goIpfix, {
    transport,
    ...(identities && { identity: identities.collector }),
  });
  const target: Target = { process: collector.process, effects: () => collector.count + collector.refused };
  const between = await options.via?.(collector.address, pair.collector);
  try {
    const address = between?.address ?? collector.address;
    const exporterOptions = { transport, observationDomain, ...(identities && { identity: identities.exporter }) };
    if (options.scenario === "known") {
      await using before = await Exporter.start(pair.collector.goIpfix, address, exporterOptions);
      await sendRecords(before, target, { from: pair.collector, count: 2, flavour: options.flavour, first: uncounted });
      await before.close();
    }
    await using exporter = await Exporter.start(pair.agent.goIpfix, address, exporterOptions);
    const closed = await sendRecords(exporter, target, {
      from: pair.agent,
      count: options.records,
      flavour: options.flavour,
    });
    await exporter.close();
    return {
      agent: pair.agent.name,
      agentGoIpfix: pair.agent.goIpfix,
      collector: pair.collector.name,
      collectorGoIpfix: pair.collector.goIpfix,
      scenario: options.scenario,
      sent: options.records,
      ...judge(pair, collector.received, options.flavour),
      closed,
      panic: collector.panic ?? null,
    };
  } finally {
    // Releases from v0.5.7 to v0.11 never close their side of a connection, which the proxy waits for: they go first.
    await collector.process.kill();
    await between?.close();
  }
}
