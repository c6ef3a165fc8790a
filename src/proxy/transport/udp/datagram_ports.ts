import { decodeMessageHeader } from "../../../ipfix/message/message_header.ts";

/** Datagrams that a source may have queued with a session that has not read them. */
const MOST = 16_384;

interface Origin {
  readonly observationDomain: number;
  readonly sequenceNumber: number;
  readonly exportTime: number;
  readonly port: number;
}

/** The ports from which the datagrams of one address came, until its session has read them. */
export class DatagramPorts {
  #origins: Origin[] = [];
  /** Those before have been read. */
  #next = 0;

  /** Adds a datagram behind all others. */
  add(message: Uint8Array, port: number): void {
    const { observationDomainId, sequenceNumber, exportTime } = decodeMessageHeader(message);
    this.#origins.push({ observationDomain: observationDomainId, sequenceNumber, exportTime, port });
    if (this.#origins.length - this.#next > MOST) this.#next++;
    if (this.#next < 1_024 || this.#next * 2 < this.#origins.length) return;
    this.#origins = this.#origins.slice(this.#next);
    this.#next = 0;
  }

  /**
   * Returns the port of the next datagram with this header, and forgets those before: they were refused. 0: there is
   * none.
   */
  take(observationDomain: number, sequenceNumber: number, exportTime: number): number {
    for (let index = this.#next; index < this.#origins.length; index++) {
      const origin = this.#origins[index];
      if (
        origin?.observationDomain !== observationDomain || origin.sequenceNumber !== sequenceNumber ||
        origin.exportTime !== exportTime
      ) continue;
      this.#next = index + 1;
      return origin.port;
    }
    return 0;
  }
}
