import type { Clock } from "../time/clock.ts";
import type { Connection } from "../transport/connection.ts";
import { LossBound } from "./loss_bound.ts";
import { errorMessage } from "../../error_message.ts";

/** What collectors send is discarded, all of it into the same octets. */
const DISCARDED = new Uint8Array(4096);

/**
 * One transport session to the collector. A read is always pending, since it is what tells at once that the collector has closed
 * or reset the connection; a write would find out only later.
 */
export class CollectorConnection {
  /** What may be lost if it ends now. */
  readonly inFlight: LossBound;
  /** Resolves once the collector has ended the connection, with the reason where it was not in order. */
  readonly ended: Promise<string | undefined>;
  readonly openedAt: number;
  /** Whether it ends because this side wants it to. */
  retired = false;
  #lost = false;
  readonly #connection: Connection;
  readonly #end: (reason?: string) => void;

  constructor(connection: Connection, clock: Clock, inFlight?: number) {
    this.#connection = connection;
    this.inFlight = new LossBound(inFlight);
    this.openedAt = clock.now();
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    this.ended = promise;
    this.#end = resolve;
    this.#watch();
  }

  /** Whether messages can be lost on the way: templates then have to be sent again. */
  get datagrams(): boolean {
    return this.#connection.transport === "udp";
  }

  /** True once the collector has ended it: writing throws. */
  get lost(): boolean {
    return this.#lost;
  }

  /** As {@link Connection.write}. */
  write(octets: Uint8Array): Promise<number> {
    if (this.#lost) throw new Error("the collector has closed the connection");
    return this.#connection.write(octets);
  }

  /**
   * Says that nothing more comes and waits, for so long, until the collector has closed its side too. Closes.
   *
   * @returns why it ended where the collector did not close in order: what it had not read is lost
   */
  async finish(clock: Clock, milliseconds: number): Promise<string | undefined> {
    if (this.#lost && !this.retired) return undefined;
    // Not waited for: a collector that stalls may let it wait for ever.
    void this.#connection.closeWrite();
    const reason = await new Promise<string | undefined>((resolve) => {
      const cancel = clock.after(milliseconds, () => resolve(undefined));
      this.ended.then((reason) => (cancel(), resolve(reason)));
    });
    this.close();
    return reason;
  }

  /** Takes nothing more: there is another collector. What it took is delivered. */
  retire(): void {
    this.retired = true;
    this.#lost = true;
  }

  close(): void {
    this.#lost = true;
    this.#connection.close();
  }

  /** No async function: its frame would stay with each session for as long as that lives. */
  #watch(): void {
    this.#connection.read(DISCARDED).then(
      (length) => length === null ? this.#lose() : this.#watch(),
      (error) => this.#lose(errorMessage(error)),
    );
  }

  #lose(reason?: string): void {
    this.#lost = true;
    this.#end(reason);
  }
}
