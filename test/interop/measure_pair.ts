/** What arrives at a real collector of one release from a real exporter of another. */
import { Collector, Exporter, type Identity, type Received, type Transport } from "./peers.ts";
import { type Family, type Line, templateOf } from "./releases.ts";
import { defaultOf, type Flavour, numberOf, valueOf } from "./values.ts";

export interface Pair {
  readonly agent: Line;
  readonly collector: Line;
}

/** `known`: the collector has had this observation domain's template of its own release before, as in every upgrade. */
export type Scenario = "fresh" | "known";

/** Something between the two, such as a proxy. */
export interface Intermediary {
  /** Where exporters send to. */
  readonly address: string;
  close(): Promise<void>;
}

export interface MeasureOptions {
  readonly scenario: Scenario;
  /** Data records to send, IPv4 and IPv6 by turns. */
  readonly records: number;
  readonly flavour: Flavour;
  readonly transport?: Transport;
  /** By side, when the transport is tls. */
  readonly identities?: { readonly exporter: Identity; readonly collector: Identity };
  /** Puts something in between, given the collector's address and the name of its release. */
  readonly via?: (collectorAddress: string, collector: Line) => Promise<Intermediary>;
}

export interface Measurement {
  readonly agent: string;
  readonly agentGoIpfix: string;
  readonly collector: string;
  readonly collectorGoIpfix: string;
  readonly scenario: Scenario;
  /** Data records that the exporter had to send. */
  readonly sent: number;
  /** Data records that the collecting process delivered. */
  readonly delivered: number;
  /** Of these, those whose fields are the collector's own list in its order. */
  readonly exact: number;
  /** Of these, those whose values are all right, each record counted once. */
  readonly correct: number;
  /** Whether the exporter lost its connection. */
  readonly closed: boolean;
  /** What the collector died of. */
  readonly panic: string | null;
}

const observationDomain = 0xa17ea;
const families: readonly Family[] = ["ipv4", "ipv6"];
/** Numbers of the records of the exporter that was there before; not counted. */
const earlier = 1_000_000;
/** How long a message may take to show any effect, milliseconds. Only those that have none take so long. */
const unnoticed = 250;
/** How long to wait for messages that had no effect when they should have, before they count as lost. */
const lost = 5_000;

/** Sends records from a fresh exporter to a fresh collector, one at a time, and counts what comes out. */
export async function measurePair(pair: Pair, options: MeasureOptions): Promise<Measurement> {
  const { transport = "tcp", identities } = options;
  await using collector = await Collector.start(pair.collector.goIpfix, {
    transport,
    ...(identities && { identity: identities.collector }),
  });
  const between = await options.via?.(collector.address, pair.collector);
  try {
    const address = between?.address ?? collector.address;
    const exporterOptions = { transport, observationDomain, ...(identities && { identity: identities.exporter }) };
    if (options.scenario === "known") {
      await using before = await Exporter.start(pair.collector.goIpfix, address, exporterOptions);
      await sendAll(before, collector, pair.collector, { ...options, records: 2 }, earlier);
      await before.close();
    }
    await using exporter = await Exporter.start(pair.agent.goIpfix, address, exporterOptions);
    const closed = await sendAll(exporter, collector, pair.agent, options, 0);
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
    await between?.close();
  }
}

/**
 * Sends templates and records in step: each one waits for what the one before did to the collector, so that what a
 * collector that dies had delivered until then is the same every time.
 *
 * @returns whether the exporter lost its connection
 */
async function sendAll(
  exporter: Exporter,
  collector: Collector,
  from: Line,
  options: MeasureOptions,
  firstNumber: number,
): Promise<boolean> {
  const effects = () => collector.count + collector.refused;
  const before = effects();
  let messages = 0;
  const step = async (send: () => ReturnType<Exporter["send"]>): Promise<boolean> => {
    const expected = effects() + 1;
    const { error } = await send();
    if (error !== undefined) {
      if (!/broken pipe|reset|closed|refused/.test(error)) throw new Error(`${from.name}: ${error}`);
      return false;
    }
    messages++;
    await collector.process.until(() => effects() >= expected, unnoticed);
    return collector.process.ending === undefined;
  };
  const lists = families.map((family) => templateOf(from, family));
  for (const names of lists) {
    if (!await step(() => exporter.announce(names))) return true;
  }
  for (let number = 0; number < options.records; number++) {
    const names = lists[number % 2] ?? [];
    const values = names.map((name) => valueOf(name, firstNumber + number, options.flavour));
    if (!await step(() => exporter.send(256 + number % 2, values))) return true;
  }
  await collector.process.until(() => effects() >= before + messages, lost);
  return false;
}

function judge(
  { agent, collector }: Pair,
  received: readonly Received[],
  flavour: Flavour,
): Pick<Measurement, "delivered" | "exact" | "correct"> {
  let delivered = 0;
  let exact = 0;
  const correct = new Set<number>();
  for (const fields of received.flatMap((message) => message.records ?? [])) {
    const values = new Map(fields);
    const number = numberOf(values.get("flowStartSeconds"));
    if (number !== undefined && number >= earlier) continue;
    delivered++;
    const family = values.has("sourceIPv4Address") ? "ipv4" : "ipv6";
    const expected = templateOf(collector, family);
    if (fields.length === expected.length && fields.every(([name], index) => name === expected[index])) exact++;
    if (number !== undefined && isCorrect(values, number, templateOf(agent, family), expected, flavour)) {
      correct.add(number);
    }
  }
  return { delivered, exact, correct: correct.size };
}

/**
 * Whether a record says what was sent: each field that was sent with its value, each other with its type's default,
 * and none missing that the collector expects and the exporter sent.
 */
function isCorrect(
  values: ReadonlyMap<string, string>,
  number: number,
  sent: readonly string[],
  expected: readonly string[],
  flavour: Flavour,
): boolean {
  for (const [name, value] of values) {
    // Named pen/id: unknown to the collector, which passes its octets on.
    if (name.includes("/")) continue;
    if (value !== (sent.includes(name) ? valueOf(name, number, flavour) : defaultOf(name))) return false;
  }
  return expected.every((name) => values.has(name) || !sent.includes(name));
}
