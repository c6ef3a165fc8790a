import type { Address } from "./address.ts";
import type { BufferPool } from "./buffer_pool.ts";
import type { Connection, TemplateLife } from "./connection.ts";
import { observationDomainOf, scanTemplates } from "./datagram_scan.ts";
import { OctetQueue } from "./octet_queue.ts";
import type { CachedExporter } from "./template_cache_file.ts";

/** Where export time and sequence number begin in a message's header, and where they end. */
const TIME_OFFSET = 4;
const DOMAIN_OFFSET = 12;
/** Octets of datagrams that wait for a session whose collector is slow. */
const QUEUE_OCTETS = 256 * 1024;
/** Octets of datagrams that wait for a template over all sources, and how many may. */
export interface HeldBudget {
  octets: number;
  readonly limit: number;
}

/** What a source shares with the others of its listener. */
export interface UdpSourceParts {
  readonly pool: BufferPool;
  readonly budget: HeldBudget;
  /** As the listener is bound. */
  readonly listener: string;
  /** Milliseconds since 1970. */
  readonly time: () => number;
  readonly onClose: (source: UdpSource) => void;
}

/** The same in one source. */
const HELD_OCTETS = 64 * 1024;
/** How long a datagram waits for its template: it was sent right before or after, and overtaken on the way. */
const HELD_MILLISECONDS = 5_000;
/** Templates of one source that are remembered here; past them nothing is held any more, the rewriter's own caps apply. */
const KNOWN_TEMPLATES = 4096;
/** A source that was never seen to send its templates again lives for so long without a datagram (RFC 7011 §8.4). */
const QUIET_MILLISECONDS = 5_400_000;

/** Templates hold for so many of the intervals at which they were seen to be announced. */
const INTERVALS_HELD = 3;

interface HeldDatagram {
  readonly octets: Uint8Array;
  readonly until: number;
}

/**
 * The datagrams of one source address and port, as a session reads them: one message after the other. A datagram that came ahead
 * of its template waits for it briefly.
 */
export class UdpSource implements Connection {
  readonly transport = "udp";
  readonly remoteAddress: Address;
  readonly #queue: OctetQueue;
  readonly #parts: UdpSourceParts;
  readonly #known = new Set<number>();
  #held: HeldDatagram[] = [];
  #heldOctets = 0;
  #lastTemplates: number | undefined;
  #templateInterval = 0;
  #closed = false;
  #waiting: { view: Uint8Array; resolve: (length: number) => void; reject: (error: Error) => void } | undefined;
  /** Whether a session reads it: not before a good template. */
  opened = false;

  /** Templates from before the start, by observation domain. */
  #recalled = new Map<number, Uint8Array[]>();
  #announcedAt = 0;

  constructor(remoteAddress: Address, parts: UdpSourceParts) {
    this.remoteAddress = remoteAddress;
    this.#queue = new OctetQueue(parts.pool, QUEUE_OCTETS);
    this.#parts = parts;
  }

  get templateLife(): TemplateLife {
    return { listener: this.#parts.listener, announcedAt: this.#announcedAt, lifetime: this.idleLimit };
  }

  /** What it announced before the start goes ahead of the first message of each observation domain. */
  recall({ announcedAt, lifetime, templates }: Pick<CachedExporter, "announcedAt" | "lifetime" | "templates">): void {
    this.#announcedAt = announcedAt;
    if (lifetime > QUIET_MILLISECONDS) this.#templateInterval = lifetime / INTERVALS_HELD;
    for (const message of templates) {
      const domain = observationDomainOf(message);
      const known = this.#recalled.get(domain);
      if (known === undefined) this.#recalled.set(domain, [message]);
      else known.push(message);
    }
  }

  /** At least three of the intervals at which it was seen to send its templates again. */
  get idleLimit(): number {
    return Math.max(QUIET_MILLISECONDS, INTERVALS_HELD * this.#templateInterval);
  }

  /**
   * Takes a datagram that is one message.
   *
   * @returns false: there was no room for it, or no session that it could belong to
   */
  receive(message: Uint8Array, now: number): boolean {
    this.#deliverRecalled(message);
    const { templates, missing } = scanTemplates(message, this.#known);
    if (missing !== undefined && this.#mayHold(message)) {
      this.#hold({ octets: message.slice(), until: now + HELD_MILLISECONDS });
      return true;
    }
    this.opened ||= templates > 0;
    if (!this.opened || !this.#deliver(message)) return false;
    if (templates === 0) return true;
    this.#observeInterval(now);
    this.#release(({ octets }) => scanTemplates(octets, this.#known).missing === undefined);
    return true;
  }

  /**
   * What has waited too long for its template goes on without; the rewriter counts it.
   *
   * @returns datagrams that went nowhere: their source never sent a template
   */
  expire(now: number): number {
    if (this.#held.length === 0) return 0;
    if (this.opened) {
      this.#release(({ until }) => until <= now);
      return 0;
    }
    const expired = this.#held.filter(({ until }) => until <= now).length;
    if (expired === this.#held.length) this.close();
    return expired;
  }

  read(view: Uint8Array): Promise<number | null> {
    if (this.#closed) return Promise.reject(new Error("closed"));
    const length = this.#queue.take(view);
    if (length > 0) return Promise.resolve(length);
    return new Promise((resolve, reject) => this.#waiting = { view, resolve, reject });
  }

  /** Nothing is ever sent to an exporter. */
  write(): Promise<number> {
    return Promise.reject(new Error("nothing is sent to an exporter"));
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue.clear();
    for (const one of this.#held) this.#parts.budget.octets -= one.octets.length;
    this.#held = [];
    this.#waiting?.reject(new Error("closed"));
    this.#waiting = undefined;
    this.#parts.onClose(this);
  }

  #deliver(message: Uint8Array): boolean {
    if (!this.#queue.push(message)) return false;
    if (this.#waiting === undefined) return true;
    const { view, resolve } = this.#waiting;
    this.#waiting = undefined;
    resolve(this.#queue.take(view));
    return true;
  }

  /** With the header of the message that they go ahead of: they say nothing of what was missed while there was no proxy. */
  #deliverRecalled(message: Uint8Array): void {
    const domain = observationDomainOf(message);
    for (const template of this.#recalled.get(domain) ?? []) {
      const octets = template.slice();
      octets.set(message.subarray(TIME_OFFSET, DOMAIN_OFFSET), TIME_OFFSET);
      scanTemplates(octets, this.#known);
      this.opened = true;
      this.#deliver(octets);
    }
    this.#recalled.delete(domain);
  }

  #mayHold(message: Uint8Array): boolean {
    return this.#known.size < KNOWN_TEMPLATES && this.#heldOctets + message.length <= HELD_OCTETS &&
      this.#parts.budget.octets + message.length <= this.#parts.budget.limit;
  }

  #hold(one: HeldDatagram): void {
    this.#held.push(one);
    this.#heldOctets += one.octets.length;
    this.#parts.budget.octets += one.octets.length;
  }

  /** Passes on, in order, what was held and is ready now. */
  #release(ready: (one: HeldDatagram) => boolean): void {
    if (this.#held.length === 0) return;
    const held = this.#held;
    this.#held = [];
    this.#parts.budget.octets -= this.#heldOctets;
    this.#heldOctets = 0;
    for (const one of held) {
      if (ready(one)) this.#deliver(one.octets);
      else this.#hold(one);
    }
  }

  #observeInterval(now: number): void {
    if (this.#lastTemplates !== undefined) {
      this.#templateInterval = Math.max(this.#templateInterval, now - this.#lastTemplates);
    }
    this.#lastTemplates = now;
    this.#announcedAt = this.#parts.time();
  }
}
