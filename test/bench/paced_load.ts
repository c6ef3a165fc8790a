/**
 * Many exporters that together send so many messages a second, whether what was before has arrived or not; their collector is
 * another thread. Prints the collector's port; a line on standard input names the port to send to (the collector's own: directly).
 * Prints the latencies as JSON.
 *
 * Usage: paced_load.ts PROFILE SESSIONS MESSAGES_PER_SECOND SECONDS
 *
 * @module
 */
import { writeLine } from "../../src/commands/terminal.ts";
import { loadProfile } from "../../src/config/profiles.ts";
import { linesOf } from "./child.ts";
import { messagesOf, Workload } from "./workload.ts";

/** From before a message was written until it was read whole, in milliseconds. */
export interface Latencies {
  readonly p50: number;
  readonly p99: number;
}

/** What the collector is told first. */
export interface PacedCollection {
  /** When each message was written, in {@link now}, by its place: the sessions take turns. */
  readonly written: SharedArrayBuffer;
  readonly sessions: number;
  /** So many of the first are not counted. */
  readonly unmeasured: number;
}

/** What it says: where it listens, that one more session's templates have arrived, and in the end how long it took. */
export type CollectorReport =
  | { readonly port: number }
  | { readonly ready: number }
  | { readonly latencies: Latencies };

/** How often messages are written that have become due. */
const BEAT_MILLISECONDS = 1;

/** Milliseconds of a clock that all threads share. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

/** The collector's thread, and what it has said. */
class CollectorThread {
  readonly #worker = new Worker(new URL("./paced_collector.ts", import.meta.url), { type: "module" });
  readonly #reports: CollectorReport[] = [];
  #wake: () => void = () => {};

  constructor(collection: PacedCollection) {
    this.#worker.onmessage = ({ data }: MessageEvent<CollectorReport>) => {
      this.#reports.push(data);
      this.#wake();
    };
    this.#worker.postMessage(collection);
  }

  async next(): Promise<CollectorReport> {
    for (;;) {
      const report = this.#reports.shift();
      if (report !== undefined) return report;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  end(): void {
    this.#worker.terminate();
  }
}

async function run(profile: string, sessions: number, perSecond: number, seconds: number): Promise<void> {
  const total = Math.ceil(perSecond * seconds);
  // The first second is not counted, or a quarter where there is less.
  const unmeasured = Math.ceil(Math.min(perSecond, total / 4));
  const written = new SharedArrayBuffer((total + unmeasured) * Float64Array.BYTES_PER_ELEMENT);
  const collector = new CollectorThread({ written, sessions, unmeasured });
  const listening = await collector.next();
  await writeLine(JSON.stringify(listening));
  const workload = new Workload(loadProfile(profile), { families: "IPv4", recordsPerMessage: 1 });
  for await (const port of linesOf(Deno.stdin.readable)) {
    const exporters: Deno.TcpConn[] = [];
    while (exporters.length < sessions) {
      const exporter = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
      exporter.setNoDelay(true);
      await exporter.write(workload.templates);
      exporters.push(exporter);
      await collector.next();
    }
    await pace(exporters, workload, perSecond, new Float64Array(written));
    const last = await collector.next();
    if ("latencies" in last) await writeLine(JSON.stringify(last.latencies));
    for (const exporter of exporters) exporter.close();
    break;
  }
  collector.end();
}

/** A round of messages is one for each session, all alike: each session's sequence numbers count its own. */
async function pace(
  exporters: readonly Deno.TcpConn[],
  workload: Workload,
  perSecond: number,
  written: Float64Array,
): Promise<void> {
  const begin = performance.now();
  let number = 0;
  for (;;) {
    workload.advance();
    for (const message of messagesOf(workload.block)) {
      // A write that waits holds on to its octets, and the block's sequence numbers change.
      const octets = message.slice();
      for (const exporter of exporters) {
        if (number === written.length) return;
        while (number >= (performance.now() - begin) / 1000 * perSecond) {
          await new Promise((resolve) => setTimeout(resolve, BEAT_MILLISECONDS));
        }
        written[number++] = now();
        exporter.write(octets).catch(failed);
      }
    }
  }
}

function failed(error: unknown): void {
  // Nobody waits for a single write; whoever waits for the latencies is told by the end of this process.
  reportError(error);
}

if (import.meta.main) {
  const [profile = "", ...numbers] = Deno.args;
  const [sessions = 1, perSecond = 1, seconds = 1] = numbers.map(Number);
  await run(profile, sessions, perSecond, seconds);
}
