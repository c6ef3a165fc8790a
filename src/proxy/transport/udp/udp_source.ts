import type { Address } from "../address.ts";
import type { BufferPool } from "../../memory/buffer_pool.ts";
import type { Connection, TemplateLife } from "../connection.ts";
import { observationDomainOf } from "../../../ipfix/message_header.ts";
import { KNOWN_TEMPLATES, scanTemplates } from "./datagram_scan.ts";
import { messageLength } from "../message_walk.ts";
import { OctetQueue } from "../../memory/octet_queue.ts";
import type { CachedExporter } from "./cached_exporter.ts";

/**
 * Offsets in the message header: of the export time, which the sequence number follows, and of the observation domain.
 */
const TIME_OFFSET = 4;
const DOMAIN_OFFSET = 12;
/** Octets of datagrams that may be queued for a slow collector. */
const QUEUE_OCTETS = 256 * 1024;
/** Octets of waiting datagrams over all sources, and their limit. */
export interface OctetBudget {
  octets: number;
  readonly limit: number;
}

/** What the sources of a listener share. */
export interface UdpSourceParts {
  readonly pool: BufferPool;
  /** Datagrams held for a missing template. */
  readonly held: OctetBudget;
  /** Datagrams queued for a slow collector. */
  readonly queued: OctetBudget;
  /** Called when datagrams are dropped. */
  readonly onDrop: (reason: "collector_unavailable" | "unknown_template", datagrams: number) => void;
  /** The listener's bound address. */
  readonly listener: string;
  /** Milliseconds since 1970. */
  readonly time: () => number;
  readonly onClose: (source: UdpSource) => void;
}

/** Octets of one source's datagrams that may be held for a missing template. */
const HELD_OCTETS = 64 * 1024;
/** How long a datagram is held for a template that may have been overtaken on the network. */
const HELD_MILLISECONDS = 5_000;
/** How long a silent source stays open whose template interval is not known (RFC 7011 §8.4). */
const QUIET_MILLISECONDS = 5_400_000;

/** How many of the intervals at which templates are sent they stay valid. */
const VALID_INTERVALS = 3;

interface HeldDatagram {
  readonly octets: Uint8Array;
  readonly until: number;
}

/**
 * The datagrams of one source address and port, which a session reads as a sequence of messages. A datagram that
 * arrives before its template is held for it for a few seconds.
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
  /** Whether it has sent a valid template, so that a session reads it. */
  opened = false;

  /** Templates announced before the start, by observation domain. */
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

  /** Delivers what the source announced before the start, ahead of the first message of each observation domain. */
  recall({ announcedAt, lifetime, templates }: Pick<CachedExporter, "announcedAt" | "lifetime" | "templates">): void {
    this.#announcedAt = announcedAt;
    if (lifetime > QUIET_MILLISECONDS) this.#templateInterval = lifetime / VALID_INTERVALS;
    for (const message of templates) {
      const domain = observationDomainOf(message);
      const known = this.#recalled.get(domain);
      if (known === undefined) this.#recalled.set(domain, [message]);
      else known.push(message);
    }
  }

  /** At least three times the interval at which the source sends its templates. */
  get idleLimit(): number {
    return Math.max(QUIET_MILLISECONDS, VALID_INTERVALS * this.#templateInterval);
  }

  /** Receives a datagram that is one message. Drops it if there is no room, or no template has opened the session. */
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

  /**
   * Delivers datagrams that were held too long, for the rewriter to count. Closes a source that has never sent a
   * template.
   */
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

  /** Always fails: an exporter is never sent anything. */
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

  /** Drops the queue when the session no longer reads. A message that it has read in part is not counted here. */
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

  /** Drops all held datagrams but these. */
  #dropHeld(kept: readonly HeldDatagram[]): void {
    const dropped = this.#held.length - kept.length;
    this.#parts.held.octets -= this.#heldOctets;
    this.#held = [];
    this.#heldOctets = 0;
    for (const one of kept) this.#hold(one);
    if (dropped > 0) this.#parts.onDrop("unknown_template", dropped);
  }

  /**
   * Sends templates from before the start with the time and sequence number of this message, so that no gap is
   * reported.
   */
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

  /** Delivers, in order, the held datagrams that are ready. */
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
