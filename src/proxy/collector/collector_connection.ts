import { IPFIX_VERSION, MESSAGE_HEADER_LENGTH, writeMessageHeader } from "../../ipfix/message/message_header.ts";
import { type Clock, pause } from "../time/clock.ts";
import type { Connection } from "../transport/connection.ts";
import { LossBound } from "./loss_bound.ts";
import { systemReason } from "../../error_message.ts";

/** What collectors send is discarded. All connections read it into the same buffer. */
const DISCARDED = new Uint8Array(64 * 1024);
/** Reads in a row of a collector that sends without end, which would leave no time to others, and the pause after them. */
const READS = 4;
const PAUSE = 10;

/**
 * Milliseconds after the collector's end of the stream in which it may still reset the connection for what it had not
 * read.
 */
const RESET_WITHIN = 100;
/** Milliseconds within which a closed connection answers what it is sent with a reset. */
const ANSWERED_WITHIN = 20;

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
  /** Whether {@link possiblyLost} has been counted. */
  counted = false;
  #lost = false;
  /**
   * Whether the collector's kernel has closed it, which had nothing unread, or was given up without a sign of a reset.
   */
  #endedInOrder = false;
  /** When it ended. */
  #endedAt: number | undefined;
  /** Whether all that was written are whole messages of the proxy's, and the kernel has taken them. */
  #atRest = true;
  #wholeMessages = true;
  /** Half-closed by the proxy: it cannot write any more. */
  #finishing = false;
  /** Aborts {@link #isClosed} while it waits. */
  #asking: AbortController | undefined;
  #reads = 0;
  /** Ends the pause between two reads. */
  #endPause: (() => void) | undefined;
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
    return this.#inFlight.records(this.#endedAt ?? this.#clock.now(), this.#endedInOrder);
  }

  /** Closes it, once it is clear how the collector has ended it: {@link possiblyLost} is final then. */
  async settle(): Promise<void> {
    const asking = this.#asking;
    if (asking !== undefined) {
      this.#endedInOrder = await this.#isClosed(asking.signal);
      this.#asking = undefined;
    }
    this.close();
  }

  /** Closes it at once. What the kernel has taken still goes out, unless the collector is behind. */
  abort(): void {
    this.#asking?.abort();
    this.#asking = undefined;
    if (!this.#lost) this.#endedInOrder = true;
    this.close();
  }

  /**
   * Announces the next write: its octets, and the number of data records that begin in them.
   *
   * @param wholeMessages whether they are whole messages that the proxy has written
   */
  expect(octets: number, records: number, wholeMessages = true): void {
    this.#atRest = false;
    this.#wholeMessages &&= wholeMessages;
    const { wireOctets } = this.#connection;
    // The size of flows is known only once they are written. Until then the bound counts too many as lost, never too
    // few.
    this.#inFlight.add(wireOctets === undefined ? octets : wireOctets - this.#counted, records, this.#clock.now());
    this.#counted = wireOctets ?? 0;
  }

  /** The kernel has taken all that was expected. @param waited whether it had no room for it at first */
  take(waited: boolean): void {
    this.#atRest = true;
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
    if (this.#asking === undefined) this.#lose(reason);
    this.close();
  }

  /**
   * Half-closes the connection, waits until the collector has closed its side too or the time is up, and closes it.
   *
   * @returns the reason if the collector did not close in order, so that what it had not read is lost, or is behind
   * when the time is up, so that what it has not read may be
   */
  async finish(clock: Clock, milliseconds: number): Promise<string | undefined> {
    if (this.#lost && !this.retired) return undefined;
    if (this.datagrams) {
      // Over UDP the collector does not close, and nothing that was sent can be known to be lost.
      this.close();
      return undefined;
    }
    this.#finishing = true;
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

  /** Closes it, at the latest once {@link settle} knows how the collector has ended it. */
  close(): void {
    this.#lost = true;
    if (this.#asking !== undefined) return;
    this.#connection.close();
    this.#endPause?.();
  }

  /**
   * Whether the collector has closed the connection with nothing unread, and not only half-closed it, which looks the
   * same. A closed one answers what is sent to it with a reset, so the next write fails; one that is half-closed takes
   * it. A reset that has come before anything was sent says that something was unread. What is sent are messages
   * without sets (RFC 7011 §3.1), of no observation domain.
   */
  async #isClosed(signal: AbortSignal): Promise<boolean> {
    const message = new Uint8Array(MESSAGE_HEADER_LENGTH);
    writeMessageHeader(message, 0, {
      version: IPFIX_VERSION,
      length: MESSAGE_HEADER_LENGTH,
      exportTime: Math.floor(this.#clock.date().getTime() / 1000),
      sequenceNumber: 0,
      observationDomainId: 0,
    });
    const isTaken = async () => await this.#connection.write(message).catch(() => 0) === message.length;
    await pause(this.#clock, RESET_WITHIN, signal);
    if (signal.aborted || !await isTaken()) return false;
    await pause(this.#clock, ANSWERED_WITHIN, signal);
    return !signal.aborted && !await isTaken();
  }

  /** Not an async function, whose frame would take memory for as long as the session lives. */
  #watch(): void {
    this.#connection.read(DISCARDED).then(
      (length) => {
        if (length === null) this.#lose();
        else if (++this.#reads % READS > 0) this.#watch();
        else this.#watchLater();
      },
      (error) => this.#lose(systemReason(error)),
    );
  }

  #watchLater(): void {
    const watch = () => {
      cancel();
      this.#endPause = undefined;
      this.#watch();
    };
    const cancel = this.#clock.after(PAUSE, watch);
    this.#endPause = watch;
  }

  #lose(reason?: string): void {
    const { transport, endedInOrder } = this.#connection;
    this.#endedAt ??= this.#clock.now();
    const ended = transport === "tls" ? endedInOrder === true : transport === "tcp" && reason === undefined;
    if (ended) this.#checkForClose();
    this.#lost = true;
    this.#end(reason);
  }

  /**
   * The collector has ended its side in order: finds out whether it has closed the other one too, if that makes a
   * difference.
   */
  #checkForClose(): void {
    const most = this.possiblyLost;
    this.#endedInOrder = true;
    // After the proxy's own end of the stream, collectors close. What was replaced is not counted.
    if (this.#finishing || this.retired || this.possiblyLost === most) return;
    this.#endedInOrder = false;
    if (this.#atRest && this.#wholeMessages && !this.#lost) this.#asking = new AbortController();
  }
}
