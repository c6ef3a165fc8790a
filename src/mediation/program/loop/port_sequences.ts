import { openSequence, type Sequence } from "./sequence.ts";

/**
 * Ports up to which each may have numbers of its own. An exporter that takes a new port for each message has one count.
 */
const PORTS = 16;

/**
 * Sequence numbers of one observation domain whose messages come from several ports of one address. Each port may have
 * a transport session of its own, which counts apart (RFC 7011 §3.1), or all may share one count. Both are followed;
 * the one with fewer gaps is taken for true.
 */
export class PortSequences {
  /** Follows the messages of all ports. */
  readonly #shared: Sequence;
  /** Undefined once there were too many, or the loop's memory was used up. */
  #ports: Map<number, Sequence> | undefined = new Map();
  #sharedGaps = 0;
  #portGaps = 0;
  #taken = 0;

  constructor(shared: Sequence) {
    this.#shared = shared;
  }

  /** As {@link Sequence.follow}, for a message from this port. */
  follow(port: number, received: number, records: number, certain: boolean, exportTime: number): number {
    const before = this.#gaps;
    this.#sharedGaps += this.#shared.follow(received, records, certain, exportTime);
    const own = this.#of(port);
    if (own !== undefined) this.#portGaps += own.follow(received, records, certain, exportTime);
    return this.#gaps - before;
  }

  /** Whether messages have come from more than one port. */
  get several(): boolean {
    return this.#ports === undefined || this.#ports.size > 1;
  }

  /** The numbers at the last gap. */
  gapOf(port: number): { readonly expected: number; readonly received: number } {
    const own = this.#portGaps < this.#sharedGaps ? this.#ports?.get(port) : undefined;
    return (own ?? this.#shared).gap;
  }

  /** As {@link Sequence.takeGaps}. */
  takeGaps(): number {
    const gaps = this.#gaps - this.#taken;
    this.#taken += gaps;
    return gaps;
  }

  /** Counts what is still missing as gaps. */
  end(): void {
    this.#sharedGaps += this.#shared.end();
    for (const own of this.#ports?.values() ?? []) this.#portGaps += own.end();
  }

  close(): void {
    for (const own of this.#ports?.values() ?? []) own.close();
    this.#ports = undefined;
  }

  get #gaps(): number {
    return Math.min(this.#sharedGaps, this.#portGaps);
  }

  #of(port: number): Sequence | undefined {
    const known = this.#ports?.get(port);
    if (known !== undefined || this.#ports === undefined) return known;
    const own = this.#ports.size === PORTS ? undefined : openSequence(true);
    if (own === undefined) {
      // What was counted stands; from here on only the shared count adds to it.
      this.#sharedGaps = this.#gaps;
      this.#portGaps = Infinity;
      this.close();
      return undefined;
    }
    this.#ports.set(port, own);
    if (this.#ports.size === 2) this.#shared.mix();
    return own;
  }
}
