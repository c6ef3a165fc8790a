/**
 * An exporter and a collector of datagrams in one, so that no more are under way than the kernel has room for: what is lost,
 * the relay between them has lost. Prints the collector's port, then for each number on standard input what became of so many
 * messages.
 *
 * Usage: datagram_load.ts RELAY_PORT PROFILE
 *
 * @module
 */
import { writeLine } from "../../src/commands/terminal.ts";
import { loadProfile } from "../../src/config/profiles/profiles.ts";
import { linesOf } from "./child.ts";
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

class Exchange {
  readonly #exporter = Deno.listenDatagram({ ...LOCAL, port: 0 });
  readonly #collector = Deno.listenDatagram({ ...LOCAL, port: 0 });
  readonly #workload: Workload;
  readonly #messages: Iterator<Uint8Array>;
  #arrived = 0;
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

  async run(messages: number): Promise<Exchanged> {
    const before = this.#arrived;
    const start = performance.now();
    let lost = 0;
    for (let sent = 0; sent < messages;) {
      if (sent - lost - (this.#arrived - before) < UNDER_WAY) {
        await this.#sendNext();
        sent++;
      } else if (!await this.#progress(PATIENCE_MILLISECONDS)) {
        lost = sent - (this.#arrived - before);
      }
    }
    while (this.#arrived - before < messages && await this.#progress(PATIENCE_MILLISECONDS));
    return { sent: messages, arrived: this.#arrived - before, seconds: (performance.now() - start) / 1000 };
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
    while (true) {
      const [datagram] = await this.#collector.receive(octets);
      // Templates are not counted: the relay may repeat them.
      for (const message of messagesOf(datagram)) {
        if (message[16] !== 0) this.#arrived++;
      }
      this.#wake();
    }
  }

  async #send(message: Uint8Array): Promise<void> {
    await this.#exporter.send(message, { ...LOCAL, port: this.port });
  }

  async #sendNext(): Promise<void> {
    const { value } = this.#messages.next();
    await this.#send(value);
  }

  *#forEver(): Generator<Uint8Array, never> {
    while (true) {
      this.#workload.advance();
      yield* messagesOf(this.#workload.block);
    }
  }
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
}
