import type { Clock } from "../time/clock.ts";
import type { Connection } from "../transport/connection.ts";
import { LossBound } from "./loss_bound.ts";
import { systemReason } from "../../error_message.ts";

/** What collectors send is discarded. All connections read it into the same buffer. */
const DISCARDED = new Uint8Array(4096);

/**
 * A transport session to the collector. A read is always pending, which fails as soon as the collector closes or resets
 * the connection. A write would fail only later.
 */
export class CollectorConnection {
  /** Counts the records that may be lost if the connection ends. */
  readonly #inFlight: LossBound;
  /** The value of {@link Connection.wireOctets} that the bound has counted. */
  #counted = 0;
  /** Resolves when the collector has ended the connection, with the reason if it did not close it in order. */
  readonly ended: Promise<string | undefined>;
  readonly openedAt: number;
  /** Whether the proxy has replaced it. */
  retired = false;
  #lost = false;
  /** Whether the collector's kernel has closed it, which had nothing unread, or was given up without a sign of a reset. */
  #endedInOrder = false;
  /** When the first octets were written; undefined: none were. */
  #usedAt: number | undefined;
  readonly #clock: Clock;
  readonly #onTaken: () => void;
  readonly #connection: Connection;
  readonly #end: (reason?: string) => void;

  /** @param onTaken called when the kernel has taken the first octets */
  constructor(
    connection: Connection,
    { clock, inFlight, onTaken = () => {} }: {
      readonly clock: Clock;
      readonly inFlight?: number | undefined;
      readonly onTaken?: (() => void) | undefined;
    },
  ) {
    this.#connection = connection;
    this.#clock = clock;
    this.#onTaken = onTaken;
    this.#inFlight = new LossBound(inFlight);
    this.openedAt = clock.now();
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    this.ended = promise;
    this.#end = resolve;
    this.#watch();
  }

  /** Whether messages can be lost on the network, so that templates have to be sent repeatedly. */
  get datagrams(): boolean {
    return this.#connection.transport === "udp";
  }

  /** Whether a write takes whole messages only. */
  get wholeMessages(): boolean {
    return this.datagrams || this.#connection.transport === "grpc";
  }

  /** Upper bound of the records that are lost if it ends now, or that were lost when it ended. */
  get possiblyLost(): number {
    return this.#inFlight.records(this.#clock.now(), this.#endedInOrder);
  }

  /** Announces the next write: its octets, and the number of data records that begin in them. */
  expect(octets: number, records: number): void {
    const { wireOctets } = this.#connection;
    // The size of flows is known only once they are written. Until then the bound counts too many as lost, never too few.
    this.#inFlight.add(wireOctets === undefined ? octets : wireOctets - this.#counted, records, this.#clock.now());
    this.#counted = wireOctets ?? 0;
  }

  /** The kernel has taken all that was expected. @param waited whether it had no room for it at first */
  take(waited: boolean): void {
    this.#inFlight.take(this.#clock.now(), waited);
  }

  /** Whether it has ended. Writing then throws. */
  get lost(): boolean {
    return this.#lost;
  }

  /** When the first octets were written; undefined: none were. */
  get usedAt(): number | undefined {
    return this.#usedAt;
  }

  /** As {@link Connection.write}. */
  write(octets: Uint8Array): Promise<number> {
    if (this.#lost) throw new Error("the collector has closed the connection");
    const writing = this.#connection.write(octets);
    if (this.#usedAt === undefined) {
      this.#usedAt = this.#clock.now();
      writing.then(this.#onTaken, () => {});
    }
    return writing;
  }

  /** Ends it because the collector's process is known to have ended, which its transport does not show. */
  fail(reason: string): void {
    this.#lose(reason);
    this.#connection.close();
  }

  /**
   * Half-closes the connection, waits until the collector has closed its side too or the time is up, and closes it.
   *
   * @returns the reason if the collector did not close in order, so that what it had not read is lost, or is behind when
   * the time is up, so that what it has not read may be
   */
  async finish(clock: Clock, milliseconds: number): Promise<string | undefined> {
    if (this.#lost && !this.retired) return undefined;
    if (this.datagrams) {
      // Over UDP the collector does not close, and nothing that was sent can be known to be lost.
      this.close();
      return undefined;
    }
    // Not awaited, since a stalled collector may delay it indefinitely.
    void this.#connection.closeWrite();
    const reason = await new Promise<string | undefined>((resolve) => {
      const cancel = clock.after(milliseconds, () => {
        // A collector that reads but never closes its side has had the time to read what was written.
        this.#endedInOrder = true;
        resolve(this.possiblyLost > 0 ? `it has not closed its side within ${milliseconds} ms` : undefined);
      });
      this.ended.then((reason) => (cancel(), resolve(reason)));
    });
    this.close();
    return reason;
  }

  /** Accepts no more writes, because another connection replaces this one. */
  retire(): void {
    this.retired = true;
    this.#lost = true;
  }

  close(): void {
    this.#lost = true;
    this.#connection.close();
  }

  /** Not an async function, whose frame would take memory for as long as the session lives. */
  #watch(): void {
    this.#connection.read(DISCARDED).then(
      (length) => length === null ? this.#lose() : this.#watch(),
      (error) => this.#lose(systemReason(error)),
    );
  }

  #lose(reason?: string): void {
    const { transport, endedInOrder } = this.#connection;
    this.#endedInOrder = transport === "tls" ? endedInOrder === true : transport === "tcp" && reason === undefined;
    this.#lost = true;
    this.#end(reason);
  }
}
