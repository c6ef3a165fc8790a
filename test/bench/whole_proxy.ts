import { Child, freePort } from "./child.ts";
import type { Sent } from "./load.ts";
import { cpuSeconds, peakMemory } from "./process_usage.ts";
import { startBareRelay, startHaproxy, startProxy, type StartRelay } from "./relays.ts";
import type { Arrived } from "./sink.ts";

/** What is measured: who relays, and what the exporter sends. */
export interface RelayCase {
  readonly what: string;
  readonly start: StartRelay;
  /** The exporter's release. */
  readonly from: string;
  readonly families: "IPv4" | "both";
  readonly recordsPerMessage: number;
}

/** One line of the table. Octets are those that came in. */
export interface RelayResult {
  readonly what: string;
  readonly families: string;
  readonly recordsPerMessage: number;
  readonly gigabytes: number;
  readonly gigabytesPerSecond: number;
  readonly cpuSecondsPerGigabyte: number;
  /** CPU per octet beside HAProxy's in the same run; null: there was none. */
  readonly timesHaproxy: number | null;
  readonly timesBareRelay: number;
  readonly peakMemoryMegabytes: number;
}

const BARE = "bare read and write";
const HAPROXY = "HAProxy";

/** All that is compared; HAProxy only where it is there. */
export function relayCases(haproxy: boolean): RelayCase[] {
  const agent = { from: "antrea/v2.0", families: "both", recordsPerMessage: 1 } as const;
  const [older, newer] = ["antrea/v1.15", "antrea/v2.0"];
  return [
    { what: BARE, start: startBareRelay, ...agent },
    ...(haproxy
      ? [
        { what: HAPROXY, start: startHaproxy(), ...agent },
        { what: `${HAPROXY}, buffers of 256 KiB`, start: startHaproxy(256 * 1024), ...agent },
      ]
      : []),
    { what: `${newer} to ${older}`, start: startProxy(older), ...agent },
    { what: `${newer} to ${older}`, start: startProxy(older), ...agent, families: "IPv4" },
    { what: `${newer} to ${older}`, start: startProxy(older), ...agent, recordsPerMessage: 16 },
    { what: `${older} to ${newer}`, start: startProxy(newer), ...agent, from: older },
    { what: `${newer} to ${newer}`, start: startProxy(newer), ...agent },
  ];
}

/** Sends so many gigabytes through each of them, one after the other, and says what they cost. */
export async function measureRelays(
  cases: readonly RelayCase[],
  gigabytes: number,
  said: (line: string) => void,
): Promise<RelayResult[]> {
  const directory = await Deno.makeTempDir({ prefix: "ipfix-bench-" });
  const measured: Measured[] = [];
  try {
    for (const one of cases) {
      const result = await measureRelay(one, gigabytes, directory);
      measured.push(result);
      said(
        `${one.what}, ${one.families}, ${one.recordsPerMessage} a message: ` +
          `${result.cpuSecondsPerGigabyte.toFixed(2)} CPU s/GB, ${result.gigabytesPerSecond.toFixed(2)} GB/s`,
      );
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
  const costOf = (name: string) => measured.find(({ what }) => what === name)?.cpuSecondsPerGigabyte;
  const [bare = NaN, haproxy] = [costOf(BARE), costOf(HAPROXY)];
  return measured.map((result) => ({
    ...result,
    timesHaproxy: haproxy === undefined ? null : result.cpuSecondsPerGigabyte / haproxy,
    timesBareRelay: result.cpuSecondsPerGigabyte / bare,
  }));
}

type Measured = Omit<RelayResult, "timesHaproxy" | "timesBareRelay">;

async function measureRelay(one: RelayCase, gigabytes: number, directory: string): Promise<Measured> {
  const children: Child[] = [];
  try {
    const sink = Child.deno("the sink", "sink.ts", []);
    children.push(sink);
    const port = freePort();
    const relay = await one.start(port, Number(await sink.line()), directory);
    children.push(relay);
    await relay.listensOn(port);
    const cpuBefore = await cpuSeconds(relay.pid);
    const load = Child.deno("the load generator", "load.ts", [
      String(port),
      one.from,
      one.families,
      String(one.recordsPerMessage),
      String(gigabytes),
    ]);
    children.push(load);
    const arrived = await firstArrival(sink);
    const cpu = await cpuSeconds(relay.pid) - cpuBefore;
    const sent: Sent = JSON.parse(await load.line());
    if (!arrived.whole || arrived.messages !== sent.messages) {
      throw new Error(`${one.what}: ${sent.messages} messages sent, ${arrived.messages} arrived`);
    }
    const sentGigabytes = sent.octets / 1e9;
    return {
      what: one.what,
      families: one.families,
      recordsPerMessage: one.recordsPerMessage,
      gigabytes: sentGigabytes,
      gigabytesPerSecond: sentGigabytes / sent.seconds,
      cpuSecondsPerGigabyte: cpu / sentGigabytes,
      peakMemoryMegabytes: await peakMemory(relay.pid) / 1e6,
    };
  } finally {
    for (const child of children) await child.end();
  }
}

/** What the first connection brought that brought anything: looking whether the relay listens may have reached the sink, too. */
async function firstArrival(sink: Child): Promise<Arrived> {
  while (true) {
    const arrived: Arrived = JSON.parse(await sink.line());
    if (arrived.octets > 0) return arrived;
  }
}
