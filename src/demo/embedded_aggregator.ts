import { LENGTH_OFFSET, MESSAGE_HEADER_LENGTH } from "../ipfix/message/message_header.ts";
import { u16At } from "../ipfix/octets/network_order.ts";
import type { Profile } from "../mediation/mapping/profile/profile.ts";
import { type CollectedRecord, CollectorDied, FragileCollector, fragileCollectorOptions } from "./fragile_collector.ts";

/** The effect of one message on the Aggregator. */
export interface Effect {
  /** Records that it accepted. */
  readonly records: readonly CollectedRecord[];
  /** Why it refused the message, in its own words. */
  readonly refused?: string;
  /** Why it died. It restarts, has forgotten everything, and has closed every connection. */
  readonly died?: string;
  /** Whether it closes the connection that carried the message. */
  readonly closes: boolean;
}

/**
 * A Flow Aggregator of one release on a real loopback socket, with the decoder of its go-ipfix. When it dies, it is
 * restarted at once at the same address, as a kubelet would.
 */
export class EmbeddedAggregator {
  /** How many times it died. */
  deaths = 0;
  /** Open connections. */
  get connections(): number {
    return this.#connections.size;
  }
  readonly #listener: Deno.TcpListener;
  readonly #accepting: Promise<void>;
  readonly #connections = new Set<Deno.TcpConn>();
  readonly #effects: Effect[] = [];
  #wake: (() => void) | undefined;
  #decoder: FragileCollector;
  #session = 0;

  /** @param port 0 takes any free port */
  constructor(readonly profile: Profile, port = 0) {
    this.#decoder = new FragileCollector(fragileCollectorOptions(profile));
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port });
    this.#accepting = this.#accept();
  }

  get address(): { readonly hostname: string; readonly port: number } {
    const { hostname, port } = this.#listener.addr;
    return { hostname, port };
  }

  /**
   * Returns the effect of the next message, in the order in which messages were read.
   *
   * @param milliseconds how long to wait for it
   * @returns undefined if none arrived in time
   */
  async nextEffect(milliseconds: number): Promise<Effect | undefined> {
    if (this.#effects.length === 0) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        timer = setTimeout(resolve, milliseconds);
      });
      clearTimeout(timer);
      this.#wake = undefined;
    }
    return this.#effects.shift();
  }

  async close(): Promise<void> {
    this.#listener.close();
    this.#closeConnections();
    await this.#accepting;
  }

  async #accept(): Promise<void> {
    const reading = new Set<Promise<void>>();
    try {
      for await (const connection of this.#listener) {
        this.#connections.add(connection);
        const done = this.#read(connection, `session ${++this.#session}`).finally(() => reading.delete(done));
        reading.add(done);
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
    await Promise.all(reading);
  }

  /** Reads a stream as go-ipfix does: a header, then as many octets as it announces. */
  async #read(connection: Deno.TcpConn, session: string): Promise<void> {
    const decoder = this.#decoder;
    let waiting = new Uint8Array(0);
    const chunk = new Uint8Array(65_536);
    try {
      for (let count = await connection.read(chunk); count !== null; count = await connection.read(chunk)) {
        const octets = new Uint8Array(waiting.length + count);
        octets.set(waiting);
        octets.set(chunk.subarray(0, count), waiting.length);
        waiting = octets;
        while (waiting.length >= MESSAGE_HEADER_LENGTH) {
          const length = u16At(waiting, LENGTH_OFFSET);
          if (length < MESSAGE_HEADER_LENGTH || waiting.length < length) break;
          this.#receive(decoder, session, waiting.slice(0, length));
          if (decoder.dead || decoder.isClosed(session)) return;
          waiting = waiting.slice(length);
        }
      }
    } catch (error) {
      // The Agent is gone, or this Aggregator died through another session.
      if (!isDisconnect(error)) throw error;
    } finally {
      decoder.close(session);
      this.#connections.delete(connection);
      closeQuietly(connection);
    }
  }

  #receive(decoder: FragileCollector, session: string, message: Uint8Array): void {
    const refused = decoder.refused;
    try {
      const records = decoder.receive(session, message);
      const closes = decoder.isClosed(session);
      this.#tell(
        decoder.refused === refused
          ? { records, closes }
          : { records, closes, refused: decoder.lastError ?? "cannot decode it" },
      );
    } catch (error) {
      if (!(error instanceof CollectorDied)) throw error;
      if (decoder !== this.#decoder) return;
      this.deaths++;
      this.#decoder = new FragileCollector(fragileCollectorOptions(this.profile));
      this.#closeConnections();
      this.#tell({ records: [], closes: true, died: error.message });
    }
  }

  #tell(effect: Effect): void {
    this.#effects.push(effect);
    this.#wake?.();
  }

  #closeConnections(): void {
    for (const connection of this.#connections) closeQuietly(connection);
    this.#connections.clear();
  }
}

function isDisconnect(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BadResource ||
    error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.Interrupted;
}

/** Closes a connection that may already be closed. */
export function closeQuietly(connection: { close(): void }): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
