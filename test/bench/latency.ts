import { loadProfile } from "../../src/config/profiles.ts";
import { type Child, freePort } from "./child.ts";
import { connections } from "./connections.ts";
import { startBareRelay, startHaproxy, startProxy, type StartRelay } from "./relays.ts";
import { messagesOf, Workload } from "./workload.ts";

/** One line of the table: from before a message is written until it is read whole. */
export interface LatencyResult {
  readonly what: string;
  readonly messages: number;
  readonly medianMicroseconds: number;
  readonly p99Microseconds: number;
}

const WARM_UP = 500;

/** Sends one message at a time through each relay, the next when the one before has arrived. */
export async function measureLatency(
  messages: number,
  haproxy: boolean,
  said: (line: string) => void,
): Promise<LatencyResult[]> {
  const relays: [string, StartRelay | undefined][] = [
    ["no relay", undefined],
    ["bare read and write", startBareRelay],
    ...(haproxy ? [["HAProxy", startHaproxy()] satisfies [string, StartRelay]] : []),
    ["antrea/v2.0 to antrea/v1.15", startProxy("antrea/v1.15")],
  ];
  const directory = await Deno.makeTempDir({ prefix: "ipfix-bench-" });
  const results: LatencyResult[] = [];
  try {
    for (const [what, start] of relays) {
      const result = await measure(what, start, messages, directory);
      said(`${what}: ${result.medianMicroseconds.toFixed(0)} µs, p99 ${result.p99Microseconds.toFixed(0)} µs`);
      results.push(result);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
  return results;
}

async function measure(
  what: string,
  start: StartRelay | undefined,
  messages: number,
  directory: string,
): Promise<LatencyResult> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let port = listener.addr.port;
  let relay: Child | undefined;
  try {
    if (start !== undefined) {
      port = freePort();
      relay = await start(port, listener.addr.port, directory);
      await relay.listensOn(port);
    }
    const times = await timesOf(port, listener, messages);
    return {
      what,
      messages,
      medianMicroseconds: (times[Math.floor(messages / 2)] ?? NaN) * 1000,
      p99Microseconds: (times[Math.floor(messages * 0.99)] ?? NaN) * 1000,
    };
  } finally {
    await relay?.end();
    listener.close();
  }
}

/** Milliseconds that each message took, rising. */
async function timesOf(port: number, listener: Deno.TcpListener, messages: number): Promise<Float64Array> {
  const workload = new Workload(loadProfile("antrea/v2.0"), { families: "IPv4", recordsPerMessage: 1 });
  const exporter = await Deno.connect({ hostname: "127.0.0.1", port });
  exporter.setNoDelay(true);
  const collectors: Deno.TcpConn[] = [];
  try {
    await exporter.write(workload.templates);
    const collector = await collectorThatGets(listener, collectors);
    const times = new Float64Array(messages);
    for (let number = -WARM_UP; number < messages;) {
      workload.advance();
      for (const message of messagesOf(workload.block)) {
        const start = performance.now();
        await exporter.write(message);
        await collector.message();
        if (number >= 0) times[number] = performance.now() - start;
        if (++number >= messages) break;
      }
    }
    return times.sort();
  } finally {
    exporter.close();
    for (const collector of collectors) collector.close();
  }
}

/** The relay's connection that brings the template; those opened by looking whether the relay listens bring nothing. */
async function collectorThatGets(listener: Deno.TcpListener, opened: Deno.TcpConn[]): Promise<MessageReader> {
  for await (const connection of connections(listener)) {
    opened.push(connection);
    const reader = new MessageReader(connection);
    if (await reader.message()) return reader;
  }
  throw new Error("the listener was closed");
}

/** Reads whole messages, one at a time. */
class MessageReader {
  readonly #octets = new Uint8Array(65536);
  readonly #view = new DataView(this.#octets.buffer);
  #length = 0;

  constructor(readonly connection: Deno.TcpConn) {}

  /** False: the stream ended. */
  async message(): Promise<boolean> {
    while (this.#length < 16 || this.#length < this.#view.getUint16(2)) {
      const length = await this.connection.read(this.#octets.subarray(this.#length));
      if (length === null) return false;
      this.#length += length;
    }
    const taken = this.#view.getUint16(2);
    this.#octets.copyWithin(0, taken, this.#length);
    this.#length -= taken;
    return true;
  }
}
