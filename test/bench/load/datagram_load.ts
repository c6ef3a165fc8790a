/**
 * An exporter and a collector of datagrams in one, so that no more are under way than the kernel has room for: what is
 * lost, the relay between them has lost. Prints the collector's port, then for each number on standard input what
 * became of so many messages.
 *
 * Usage: datagram_load.ts RELAY_PORT PROFILE
 *
 * @module
 */
import { writeLine } from "../../../src/terminal/terminal.ts";
import { loadProfile } from "../../../src/config/profiles/profiles.ts";
import { linesOf } from "../../support/processes/text_lines.ts";
import { messagesOf, Workload } from "./workload.ts";

/** What became of the messages. */
export interface Exchanged {
  readonly sent: number;
  readonly arrived: number;
  readonly seconds: number;
}

/** Far less than the 212,992 octets of a receive buffer by default, of which each takes a kilobyte. */
const UNDER_WAY = 64;
/** When nothing has arrived for so long, what is under way is lost. */
const PATIENCE_MILLISECONDS = 300;

const LOCAL = { hostname: "127.0.0.1", transport: "udp" } as const;

/** Messages of one run, which their sequence numbers tell from those of runs before. */
class Run {
  readonly #seen: Uint8Array;
  arrived = 0;

  /** @param first sequence number of the run's first message; each message is a record, so the others follow it */
  constructor(readonly first: number, readonly messages: number) {
    this.#seen = new Uint8Array(messages);
  }

  /** Counts a message, unless it is of another run or was counted before. */
  count(sequenceNumber: number): void {
    const index = (sequenceNumber - this.first) >>> 0;
    if (index >= this.messages || this.#seen[index] === 1) return;
    this.#seen[index] = 1;
    this.arrived++;
  }
}

/** Both ends of a relay of datagrams. */
export class Exchange {
  readonly #exporter = Deno.listenDatagram({ ...LOCAL, port: 0 });
  readonly #collector = Deno.listenDatagram({ ...LOCAL, port: 0 });
  readonly #workload: Workload;
  readonly #messages: Iterator<Uint8Array>;
  /** Messages that arrived, whichever run they are of: what is waited for. */
  #arrived = 0;
  #sequenceNumber = 0;
  #run: Run | undefined;
  #wake: () => void = () => {};

  constructor(readonly port: number, profile: string) {
    this.#workload = new Workload(loadProfile(profile), { families: "both", recordsPerMessage: 1 });
    this.#messages = this.#forEver();
    this.#collect();
  }

  get collectorPort(): number {
    return this.#collector.addr.transport === "udp" ? this.#collector.addr.port : NaN;
  }

  /** Sends until the first arrives: the relay is ready. */
  async begin(): Promise<void> {
    while (this.#arrived === 0) {
      for (const message of messagesOf(this.#workload.templates)) await this.#send(message);
      await this.#sendNext();
      await this.#progress(100);
    }
    while (await this.#progress(PATIENCE_MILLISECONDS));
  }

  /** Sends messages, and waits until all have arrived or nothing has for a while. */
  async run(messages: number): Promise<Exchanged> {
    const run = this.#run = new Run(this.#sequenceNumber, messages);
    const start = performance.now();
    let lost = 0;
    for (let sent = 0; sent < messages;) {
      if (sent - lost - run.arrived < UNDER_WAY) {
        await this.#sendNext();
        sent++;
      } else if (!await this.#progress(PATIENCE_MILLISECONDS)) {
        lost = sent - run.arrived;
      }
    }
    while (run.arrived < messages && await this.#progress(PATIENCE_MILLISECONDS));
    return { sent: messages, arrived: run.arrived, seconds: (performance.now() - start) / 1000 };
  }

  close(): void {
    this.#exporter.close();
    this.#collector.close();
  }

  /** Waits until something arrives; false: nothing does. */
  async #progress(milliseconds: number): Promise<boolean> {
    const before = this.#arrived;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const timer = setTimeout(resolve, milliseconds);
    await promise;
    clearTimeout(timer);
    return this.#arrived > before;
  }

  async #collect(): Promise<void> {
    const octets = new Uint8Array(65535);
    try {
      while (true) {
        const [datagram] = await this.#collector.receive(octets);
        // Templates are not counted: the relay may repeat them.
        for (const message of messagesOf(datagram)) {
          if (message[16] === 0) continue;
          this.#arrived++;
          this.#run?.count(sequenceNumberOf(message));
        }
        this.#wake();
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted)) throw error;
    }
  }

  async #send(message: Uint8Array): Promise<void> {
    await this.#exporter.send(message, { ...LOCAL, port: this.port });
  }

  async #sendNext(): Promise<void> {
    const { value } = this.#messages.next();
    this.#sequenceNumber = sequenceNumberOf(value) + 1;
    await this.#send(value);
  }

  *#forEver(): Generator<Uint8Array, never> {
    while (true) {
      this.#workload.advance();
      yield* messagesOf(this.#workload.block);
    }
  }
}

/** RFC 7011 §3.1. */
function sequenceNumberOf(message: Uint8Array<ArrayBuffer>): number {
  return new DataView(message.buffer, message.byteOffset).getUint32(8);
}

if (import.meta.main) {
  const [port, profile = ""] = Deno.args;
  const exchange = new Exchange(Number(port), profile);
  await writeLine(String(exchange.collectorPort));
  let begun = false;
  for await (const line of linesOf(Deno.stdin.readable)) {
    if (!begun) await exchange.begin();
    begun = true;
    await writeLine(JSON.stringify(await exchange.run(Number(line))));
  }
  Deno.exit();
}
