import type { Address } from "../address.ts";
import type { BufferPool } from "../../memory/buffer_pool.ts";
import type { Connection, TemplateLife } from "../connection.ts";
import { observationDomainOf } from "../../../ipfix/message_header.ts";
import { KNOWN_TEMPLATES, scanTemplates } from "./datagram_scan.ts";
import { messageLength } from "../message_walk.ts";
import { OctetQueue } from "../../memory/octet_queue.ts";
import type { CachedExporter } from "./cached_exporter.ts";

/** Where export time and sequence number begin in a message's header, and where they end. */
const TIME_OFFSET = 4;
const DOMAIN_OFFSET = 12;
/** Octets of datagrams that wait for a session whose collector is slow. */
const QUEUE_OCTETS = 256 * 1024;
/** Octets of datagrams that wait over all sources, and how many may. */
export interface OctetBudget {
  octets: number;
  readonly limit: number;
}

/** What a source shares with the others of its listener. */
export interface UdpSourceParts {
  readonly pool: BufferPool;
  /** Of datagrams that wait for a template. */
  readonly held: OctetBudget;
  /** Of datagrams that wait for a session whose collector is slow. */
  readonly queued: OctetBudget;
  /** So many datagrams go nowhere. */
  readonly onDrop: (reason: "collector_unavailable" | "unknown_template", datagrams: number) => void;
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

  /** Takes a datagram that is one message; where there is no room for it, or no session that it could belong to, it is dropped. */
  receive(message: Uint8Array, now: number): void {
    this.#deliverRecalled(message);
    const { templates, missing } = scanTemplates(message, this.#known);
    if (missing !== undefined && this.#mayHold(message)) {
      return this.#hold({ octets: message.slice(), until: now + HELD_MILLISECONDS });
    }
    this.opened ||= templates > 0;
    if (!this.opened) return this.#parts.onDrop("unknown_template", 1);
    this.#deliver(message);
    if (templates === 0) return;
    this.#observeInterval(now);
    this.#release(({ octets }) => scanTemplates(octets, this.#known).missing === undefined);
  }

  /** What has waited too long for its template goes on without, and the rewriter counts it; who never sent any is forgotten. */
  expire(now: number): void {
    if (this.#held.length === 0) return;
    if (this.opened) return this.#release(({ until }) => until <= now);
    const waiting = this.#held.filter(({ until }) => until > now);
    if (waiting.length === 0) return this.close();
    this.#dropHeld(waiting);
  }

  read(view: Uint8Array): Promise<number | null> {
    if (this.#closed) return Promise.reject(new Error("closed"));
    const length = this.#take(view);
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
    this.#dropQueued();
    this.#dropHeld([]);
    this.#waiting?.reject(new Error("closed"));
    this.#waiting = undefined;
    this.#parts.onClose(this);
  }

  #deliver(message: Uint8Array): void {
    const { queued, onDrop } = this.#parts;
    const hasRoom = queued.octets + message.length <= queued.limit || this.#waiting !== undefined;
    if (!hasRoom || !this.#queue.push(message)) return onDrop("collector_unavailable", 1);
    queued.octets += message.length;
    if (this.#waiting === undefined) return;
    const { view, resolve } = this.#waiting;
    this.#waiting = undefined;
    resolve(this.#take(view));
  }

  #take(view: Uint8Array): number {
    const length = this.#queue.take(view);
    this.#parts.queued.octets -= length;
    return length;
  }

  /** Nobody reads any more. What a read took the beginning of is known to the session. */
  #dropQueued(): void {
    const octets = new Uint8Array(this.#queue.length);
    this.#take(octets);
    let datagrams = 0;
    for (let start = 0; start < octets.length; datagrams++) {
      const length = messageLength(octets, start);
      if (length === 0) break;
      start += length;
    }
    if (datagrams > 0) this.#parts.onDrop("collector_unavailable", datagrams);
  }

  /** All that waits for a template but these. */
  #dropHeld(kept: readonly HeldDatagram[]): void {
    const dropped = this.#held.length - kept.length;
    this.#parts.held.octets -= this.#heldOctets;
    this.#held = [];
    this.#heldOctets = 0;
    for (const one of kept) this.#hold(one);
    if (dropped > 0) this.#parts.onDrop("unknown_template", dropped);
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
      this.#parts.held.octets + message.length <= this.#parts.held.limit;
  }

  #hold(one: HeldDatagram): void {
    this.#held.push(one);
    this.#heldOctets += one.octets.length;
    this.#parts.held.octets += one.octets.length;
  }

  /** Passes on, in order, what was held and is ready now. */
  #release(ready: (one: HeldDatagram) => boolean): void {
    if (this.#held.length === 0) return;
    const held = this.#held;
    this.#held = [];
    this.#parts.held.octets -= this.#heldOctets;
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
