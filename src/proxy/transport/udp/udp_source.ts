import type { Address } from "../address.ts";
import type { BufferPool } from "../../memory/buffer_pool.ts";
import type { Connection, PortOf, TemplateLife } from "../connection.ts";
import { observationDomainOf } from "../../../ipfix/message/message_header.ts";
import { DatagramPorts } from "./datagram_ports.ts";
import { KNOWN_TEMPLATES, scanTemplates } from "./datagram_scan.ts";
import { messageLength } from "../message_walk.ts";
import { OctetQueue } from "../../memory/octet_queue.ts";
import type { CachedExporter } from "./cached_exporter.ts";
import { type OctetBudget, WaitingSets } from "./waiting_sets.ts";

/**
 * Offsets in the message header: of the export time, which the sequence number follows, and of the observation domain.
 */
const TIME_OFFSET = 4;
const DOMAIN_OFFSET = 12;
/** Octets of datagrams that may be queued for a slow collector. */
const QUEUE_OCTETS = 256 * 1024;

/** What the sources of a listener share. */
export interface UdpSourceParts {
  readonly pool: BufferPool;
  /** Data sets that wait for their template. */
  readonly held: OctetBudget;
  /** Datagrams queued for a slow collector. */
  readonly queued: OctetBudget;
  /** Called when datagrams, or data sets without a template, are dropped before a session reads them. */
  readonly onDrop: (reason: "collector_unavailable" | "unknown_template" | "template_changes", dropped: number) => void;
  /** The listener's bound address. */
  readonly listener: string;
  /** Milliseconds since 1970. */
  readonly time: () => number;
  readonly onClose: (source: UdpSource) => void;
}

/** Octets of one source's data sets that may wait for their template. */
const HELD_OCTETS = 64 * 1024;
/** How long a data set waits for a template that it may have overtaken on the network. */
const HELD_MILLISECONDS = 5_000;
/** How long a source may be silent that has never sent a template. */
const UNPROVEN_QUIET_MILLISECONDS = 300_000;
/**
 * How long a source may be silent that was heard only once: an exporter sends its templates again within half an hour,
 * and a forged datagram must not keep a session any longer.
 */
const ONCE_HEARD_QUIET_MILLISECONDS = 2_100_000;
/** How long a silent source stays open whose template interval is not known (RFC 7011 §8.4). */
const QUIET_MILLISECONDS = 5_400_000;

/** How many of the intervals at which templates are sent they stay valid. */
const VALID_INTERVALS = 3;

/**
 * The datagrams of one source address and port, which a session reads as a sequence of messages. A data set that
 * arrives before its template waits for it for a few seconds.
 */
export class UdpSource implements Connection {
  readonly transport = "udp";
  readonly remoteAddress: Address;
  readonly #queue: OctetQueue;
  readonly #parts: UdpSourceParts;
  readonly #known = new Set<number>();
  readonly #held: WaitingSets;
  #lastTemplates: number | undefined;
  #templateInterval = 0;
  #closed = false;
  /** Octets at the head of the queue that belong to a message of which the session has read the beginning. */
  #cut = 0;
  /** Whether its session waits because it changes templates too fast. */
  #throttled = false;
  #waiting: { view: Uint8Array; resolve: (length: number) => void; reject: (error: Error) => void } | undefined;
  /** Whether a session reads it. */
  opened = false;
  /** Whether it has sent a valid template. */
  proven = false;
  /** Whether it has sent one datagram only, which a forged source does as well. */
  onceHeard = true;
  #heard = false;

  /** Templates announced before the start, by observation domain. */
  #recalled = new Map<number, Uint8Array[]>();
  #announcedAt = 0;

  /** Present if it has the messages of all ports of its address. */
  readonly #ports: DatagramPorts | undefined;

  /** @param ports whether it has the datagrams of all ports of its address */
  constructor(remoteAddress: Address, parts: UdpSourceParts, ports = false) {
    this.remoteAddress = remoteAddress;
    this.#ports = ports ? new DatagramPorts() : undefined;
    this.#queue = new OctetQueue(parts.pool, QUEUE_OCTETS);
    this.#held = new WaitingSets(HELD_OCTETS, parts.held);
    this.#parts = parts;
  }

  get portOf(): PortOf | undefined {
    const ports = this.#ports;
    return ports && ((domain, sequenceNumber, exportTime) => ports.take(domain, sequenceNumber, exportTime));
  }

  get templateLife(): TemplateLife {
    return {
      listener: this.#parts.listener,
      announcedAt: this.#announcedAt,
      lifetime: this.proven ? this.#templateLifetime : UNPROVEN_QUIET_MILLISECONDS,
    };
  }

  /** Delivers what the source announced before the start, ahead of the first message of each observation domain. */
  recall({ announcedAt, lifetime, templates }: Pick<CachedExporter, "announcedAt" | "lifetime" | "templates">): void {
    this.#announcedAt = announcedAt;
    this.#heard = true;
    if (lifetime > QUIET_MILLISECONDS) this.#templateInterval = lifetime / VALID_INTERVALS;
    for (const message of templates) {
      const domain = observationDomainOf(message);
      const known = this.#recalled.get(domain);
      if (known === undefined) this.#recalled.set(domain, [message]);
      else known.push(message);
    }
  }

  /** At least three times the interval at which the source sends its templates; minutes where it has sent none. */
  get idleLimit(): number {
    if (!this.proven) return UNPROVEN_QUIET_MILLISECONDS;
    return this.onceHeard ? ONCE_HEARD_QUIET_MILLISECONDS : this.#templateLifetime;
  }

  get #templateLifetime(): number {
    return Math.max(QUIET_MILLISECONDS, VALID_INTERVALS * this.#templateInterval);
  }

  /**
   * Receives a datagram that is one message. Drops it if there is no room. A source opens with its first template;
   * until then its data sets wait.
   */
  receive(message: Uint8Array, now: number, port = 0): void {
    this.onceHeard = !this.#heard;
    this.#heard = true;
    this.#deliverRecalled(message, port);
    const { templates, missing } = scanTemplates(message, this.#known);
    if (templates > 0) this.opened = this.proven = true;
    const missesTemplate = missing !== undefined && this.#known.size < KNOWN_TEMPLATES;
    if (missesTemplate || (templates > 0 && this.#held.length > 0)) {
      this.#held.split(message, missing ?? [], now + HELD_MILLISECONDS, this.#deliver, port);
    } else this.#deliver(message, port);
    if (templates > 0) this.#observeInterval(now);
  }

  /**
   * Delivers data sets that have waited too long for their template, for the rewriter to count.
   *
   * @param mayOpen whether a source that has never sent a template may have a session, so that what it loses has a
   *   name; otherwise such a source is closed
   */
  expire(now: number, mayOpen = false): void {
    if (!this.opened) {
      if (!this.#held.isDue(now)) return;
      if (!mayOpen) return this.close();
      this.opened = true;
    }
    this.#held.expire(now, this.#deliver);
  }

  read(view: Uint8Array): Promise<number | null> {
    if (this.#closed) return Promise.reject(new Error("closed"));
    const length = this.#take(view);
    if (length > 0) return Promise.resolve(length);
    return new Promise((resolve, reject) => this.#waiting = { view, resolve, reject });
  }

  throttle(waiting: boolean): void {
    this.#throttled = waiting;
  }

  get available(): number {
    return this.#queue.length;
  }

  take(view: Uint8Array): number {
    return this.#take(view);
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
    const dropped = this.#held.clear();
    if (dropped > 0) this.#parts.onDrop("unknown_template", dropped);
    this.#waiting?.reject(new Error("closed"));
    this.#waiting = undefined;
    this.#parts.onClose(this);
  }

  /** An arrow function, because it is passed as a callback. */
  readonly #deliver = (message: Uint8Array, port: number): void => {
    const { queued, onDrop } = this.#parts;
    if (!this.opened) return onDrop("unknown_template", 1);
    const hasRoom = queued.octets + message.length <= queued.limit || this.#waiting !== undefined;
    if (!hasRoom || !this.#queue.push(message)) {
      return onDrop(this.#throttled ? "template_changes" : "collector_unavailable", 1);
    }
    this.#ports?.add(message, port);
    queued.octets += message.length;
    if (this.#waiting === undefined) return;
    const { view, resolve } = this.#waiting;
    this.#waiting = undefined;
    resolve(this.#take(view));
  };

  #take(view: Uint8Array): number {
    const queued = this.#queue.waiting();
    const length = Math.min(view.length, queued.length);
    let end = this.#cut;
    while (end < length) end += messageLength(queued, end);
    this.#cut = end - length;
    this.#queue.take(view);
    this.#parts.queued.octets -= length;
    return length;
  }

  /** Drops the queue when the session no longer reads. A message that it has read in part is not counted here. */
  #dropQueued(): void {
    const queued = this.#queue.waiting();
    let datagrams = 0;
    for (let start = this.#cut; start < queued.length; datagrams++) start += messageLength(queued, start);
    this.#parts.queued.octets -= queued.length;
    this.#queue.clear();
    if (datagrams > 0) this.#parts.onDrop("collector_unavailable", datagrams);
  }

  /**
   * Sends templates from before the start with the time and sequence number of this message, so that no gap is
   * reported.
   */
  #deliverRecalled(message: Uint8Array, port: number): void {
    const domain = observationDomainOf(message);
    for (const template of this.#recalled.get(domain) ?? []) {
      const octets = template.slice();
      octets.set(message.subarray(TIME_OFFSET, DOMAIN_OFFSET), TIME_OFFSET);
      scanTemplates(octets, this.#known);
      this.opened = this.proven = true;
      this.#deliver(octets, port);
    }
    this.#recalled.delete(domain);
  }

  #observeInterval(now: number): void {
    if (this.#lastTemplates !== undefined) {
      this.#templateInterval = Math.max(this.#templateInterval, now - this.#lastTemplates);
    }
    this.#lastTemplates = now;
    this.#announcedAt = this.#parts.time();
  }
}
