import { freePort } from "../../support/free_port.ts";
import { Child } from "../child.ts";
import type { Load, Sent } from "./load.ts";
import { cpuSeconds, peakMemory } from "../process_usage.ts";
import type { StartRelay } from "../relays/relays.ts";
import type { Arrived } from "./sink.ts";

/** A program that is measured. */
export interface Contender {
  readonly what: string;
  readonly start: StartRelay;
  /** It is a collector: what arrives there is not sent on, and it counts by itself as the sink does. */
  readonly collects?: boolean;
}

/** What sends and what collects, before and behind what is measured. */
export interface Ends {
  startSink(): Child;
  startLoad(port: number, load: Load): Child;
}

const DENO_ENDS: Ends = {
  startSink: () => Child.deno("the sink", "load/sink.ts", []),
  startLoad: (port, load) => Child.deno("the load generator", "load/load.ts", [String(port), JSON.stringify(load)]),
};

/** What one of them needed for what was sent after warming up. */
export interface StreamRun extends Sent {
  readonly cpuSeconds: number;
  /** From the first octet until the last has arrived behind it. */
  readonly seconds: number;
  readonly peakMemoryMegabytes: number;
  /** What TLS has agreed on with the collector, where there is any. */
  readonly negotiatedWithCollector?: string;
}

/** CPU seconds for each gigabyte that came in. */
export function cpuPerGigabyte({ cpuSeconds, octets }: StreamRun): number {
  return cpuSeconds / (octets / 1e9);
}

/**
 * Starts the program afresh, sends the load through it and counts what arrives.
 *
 * @throws Error where something that was sent does not arrive, or more
 */
export async function measureStream(
  contender: Contender,
  load: Load,
  directory: string,
  ends: Ends = DENO_ENDS,
): Promise<StreamRun> {
  const children: Child[] = [];
  const started = (child: Child) => {
    children.push(child);
    return child;
  };
  try {
    const behind = contender.collects === true ? undefined : started(ends.startSink());
    const port = freePort();
    const measured = started(
      await contender.start(port, behind === undefined ? 0 : Number(await behind.line()), directory),
    );
    if (behind === undefined) await measured.line();
    else await measured.listensOn(port);
    const counter = behind ?? measured;
    const exporter = started(ends.startLoad(port, load));
    const arrived = async (sent: Sent) => {
      const { messages, whole, negotiated }: Arrived = JSON.parse(await counter.ask(String(sent.messages)));
      if (whole && messages === sent.messages) return negotiated;
      const broken = whole ? "" : ", and a connection broke off";
      throw new Error(`${contender.what}: ${sent.messages} messages sent, ${messages} arrived${broken}`);
    };
    const warm: Sent = JSON.parse(await exporter.line());
    await arrived(warm);
    const cpuBefore = await cpuSeconds(measured.pid);
    const start = performance.now();
    const sent: Sent = JSON.parse(await exporter.ask(""));
    const negotiatedWithCollector = await arrived(sent);
    return {
      seconds: (performance.now() - start) / 1000,
      cpuSeconds: await cpuSeconds(measured.pid) - cpuBefore,
      peakMemoryMegabytes: await peakMemory(measured.pid) / 1e6,
      octets: sent.octets - warm.octets,
      messages: sent.messages - warm.messages,
      records: sent.records - warm.records,
      ...(sent.negotiated === undefined ? {} : { negotiated: sent.negotiated }),
      ...(negotiatedWithCollector === undefined ? {} : { negotiatedWithCollector }),
    };
  } finally {
    for (const child of children) await child.end();
  }
}
