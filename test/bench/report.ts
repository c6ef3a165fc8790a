import { tableLines } from "../../src/commands/text_table.ts";
import type { MemoryResult } from "./in_memory.ts";
import type { LatencyResult } from "./latency.ts";
import type { RelayResult } from "./whole_proxy.ts";

/** All that one run measured; parts that were left out are missing. */
export interface BenchReport {
  readonly machine: { readonly cpu: string; readonly cores: number; readonly kernel: string; readonly deno: string };
  /** HAProxy's version, or why it was left out. */
  readonly haproxy: string;
  readonly memory?: readonly MemoryResult[];
  readonly relays?: readonly RelayResult[];
  readonly latency?: readonly LatencyResult[];
}

/** The report for a person. */
export function formatReport({ machine, haproxy, memory, relays, latency }: BenchReport): string {
  const lines = [
    `${machine.cores} cores, ${machine.cpu}, Linux ${machine.kernel}, Deno ${machine.deno}; HAProxy: ${haproxy}`,
  ];
  const table = (title: string, head: string[], rows: string[][]) =>
    lines.push("", title, ...tableLines([head, ...rows], head.map((_, column) => column < 2 ? "left" : "right")));
  if (memory !== undefined) {
    table(
      "Rewriting in memory, one thread (octets that came in)",
      ["what", "families", "records a message", "octets a message", "million records/s", "GB/s", "ns a record"],
      memory.map((one) => [
        one.what,
        one.families,
        String(one.recordsPerMessage),
        String(one.messageOctets),
        (one.recordsPerSecond / 1e6).toFixed(2),
        one.gigabytesPerSecond.toFixed(2),
        one.nanosecondsPerRecord.toFixed(0),
      ]),
    );
  }
  if (relays !== undefined) {
    table(
      `Whole programs over loopback, ${relays[0]?.gigabytes.toFixed(1) ?? 0} GB each (octets that came in)`,
      ["what", "families", "records a message", "CPU s/GB", "x HAProxy", "x bare", "GB/s", "peak MB"],
      relays.map((one) => [
        one.what,
        one.families,
        String(one.recordsPerMessage),
        one.cpuSecondsPerGigabyte.toFixed(2),
        one.timesHaproxy?.toFixed(2) ?? "-",
        one.timesBareRelay.toFixed(2),
        one.gigabytesPerSecond.toFixed(2),
        one.peakMemoryMegabytes.toFixed(0),
      ]),
    );
  }
  if (latency !== undefined) {
    table(
      "One message at a time, written to read, in microseconds",
      ["what", "", "messages", "median", "p99"],
      latency.map((one) => [
        one.what,
        "",
        String(one.messages),
        one.medianMicroseconds.toFixed(0),
        one.p99Microseconds.toFixed(0),
      ]),
    );
  }
  return lines.join("\n");
}
