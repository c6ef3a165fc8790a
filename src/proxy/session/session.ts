import type { TransportProtocol } from "../../ipfix/transport_protocol.ts";
import { DecodeError, type RejectReason } from "../../ipfix/decode_error.ts";
import { foreignProtocol } from "../../ipfix/foreign_protocol.ts";
import { type Counters, increment } from "../../mediation/templates/counters.ts";
import type {
  CollectorFacts,
  OctetRewriter,
  SessionRewriter,
  TemplateState,
} from "../../mediation/session/session_rewriter.ts";
import { type Address, formatAddress } from "../transport/address.ts";
import type { BufferPool } from "../memory/buffer_pool.ts";
import type { CollectorConnection } from "../collector/collector_connection.ts";
import type { CollectorLink } from "../collector/collector_link.ts";
import type { Dial } from "../transport/connection.ts";
import type { Connection, TemplateLife } from "../transport/connection.ts";
import { describeRejected, messageLength, wholeMessages } from "../transport/message_walk.ts";
import { ObservingRewriter } from "./observing_rewriter.ts";
import { OUTPUT_OCTETS, SMALL_OUTPUT, SMALLEST_OUTPUT } from "../memory/output_octets.ts";
import type { ProxyCounters, SessionOutcome } from "../reporting/proxy_counters.ts";
import type { ReportOfSession } from "../reporting/proxy_event.ts";
import { ReadBuffer } from "../memory/read_buffer.ts";
import type { RewriterTap } from "./rewriter_tap.ts";
import type { SessionLimits, SessionMove, SessionParts } from "./session_parts.ts";
import { SessionTimer } from "../time/session_timer.ts";
import { errorMessage } from "../../error_message.ts";

/**
 * A collector over UDP may have lost the templates, or forgets them whatever is sent meanwhile: they go out again before the next
 * record once so many milliseconds have passed (RFC 7011 §8.4).
 */
const TEMPLATE_REFRESH = 30_000;

/** One exporter's transport session and the collector's session that belongs to it. {@link run} is the whole data path. */
export class Session {
  readonly id: string;
  /** What the exporter came in by. */
  readonly listener: object | undefined;
  readonly #exporter: Connection;
  readonly #link: CollectorLink;
  readonly #pool: BufferPool;
  readonly #counters: ProxyCounters;
  readonly #report: ReportOfSession;
  readonly #onEnd: SessionParts["onEnd"];
  /** Milliseconds since 1970: of thousands of sessions, each takes a sixth of a Date. */
  readonly #openedAt: number;
  /** The mediator's. */
  readonly #mediated: SessionRewriter;
  /** What output comes from: the mediator's rewriter, or what observes with it. */
  #rewriter: OctetRewriter;
  readonly #tap: RewriterTap | undefined;
  #limits: SessionLimits;
  #move: SessionMove | undefined;
  /** Milliseconds that the move has waited for an old collector that takes nothing. */
  #moveWaited = 0;
  readonly #input: ReadBuffer;
  #output: Uint8Array | undefined;
  #collector: CollectorConnection | undefined;
  /** Octets consumed of the exporter's stream: offsets in reports count from its beginning. */
  #streamOffset = 0;
  /** Why it ends, where that was decided on this side. */
  #stopped: SessionOutcome | undefined;
  #closing = false;
  #draining = false;
  /** Milliseconds that are left for it. */
  #drainLeft = Infinity;
  #reading = false;
  #unsent = 0;
  readonly #timer = new SessionTimer();
  /** Made with the first. */
  #rejected: Set<RejectReason> | undefined;

  constructor(parts: SessionParts) {
    this.id = parts.id;
    this.listener = parts.listener;
    this.#exporter = parts.exporter;
    this.#link = parts.link;
    this.#pool = parts.pool;
    this.#counters = parts.counters;
    this.#report = parts.report;
    this.#onEnd = parts.onEnd;
    this.#openedAt = parts.openedAt.getTime();
    this.#mediated = parts.rewriter;
    this.#tap = parts.tap;
    this.#limits = parts.limits;
    this.#rewriter = parts.observe ? this.#observing() : parts.rewriter;
    this.#input = new ReadBuffer(parts.pool);
    parts.link.owner = this;
  }

  get peer(): string {
    return formatAddress(this.#exporter.remoteAddress);
  }

  get transport(): TransportProtocol {
    return this.#exporter.transport;
  }

  get certificateName(): string | undefined {
    return this.#exporter.certificateName;
  }

  get openedAt(): Date {
    return new Date(this.#openedAt);
  }

  /**
   * From the first octet to the last. Never throws; resolves when both sides are closed and all memory is given back.
   *
   * No async function: its frame would stay with each session for as long as that lives.
   */
  run(): Promise<SessionOutcome> {
    const relayed = this.#relay();
    const finish = () => this.#finish(relayed);
    return relayed.then(finish, finish);
  }

  async #finish(relayed: Promise<SessionOutcome>): Promise<SessionOutcome> {
    let outcome: SessionOutcome;
    try {
      outcome = await relayed;
      this.#closing = true;
      this.#discardTail(outcome);
      this.#releaseOutput();
      // Whoever closed in order waits for the collector, so that it can tell a flushed session from a broken one.
      if (outcome !== "closed") this.#exporter.close();
      if (this.#collector !== undefined) await this.#link.finish(this.#limits.collectorClose);
      // TLS has a goodbye of its own: without it, an exporter takes an end in order for a connection cut off (RFC 8446 §6.1).
      if (outcome === "closed") await this.#exporter.closeWrite();
    } catch (error) {
      outcome = "failed";
      this.#report("error", "session_failed", "a fault of the proxy ended the session", {
        reason: errorMessage(error),
      });
    } finally {
      this.#closing = true;
      this.#exporter.close();
      this.#link.close();
      this.#tap?.close();
      this.#rewriter.close();
      this.#releaseOutput();
      this.#input.release();
    }
    this.#onEnd?.(this.id, outcome);
    return outcome;
  }

  /**
   * The data path: what the exporter sent → the rewriter → the collector. Nothing is read while something waits to be written, so
   * a slow collector slows the exporter, and what is held is never more than one buffer of each kind.
   */
  async #relay(): Promise<SessionOutcome> {
    const pool = this.#pool;
    const input = this.#input;
    this.#collector = await this.#link.connection();
    if (this.#collector === undefined) return this.#stopped ?? "collector_unavailable";
    /** Whether the rewriter has nothing in hand: it gave nothing out when it was last asked. */
    let atRest = false;
    for (;;) {
      // What is relayed as it comes may end with a message at any time.
      if (this.#move !== undefined && (atRest || this.#rewriter !== this.#mediated)) {
        this.#collector = await this.#tryMove(this.#collector);
        if (this.#collector === undefined) return this.#stopped ?? "collector_unavailable";
      }
      atRest = false;
      const rewriter = this.#rewriter;
      const output = this.#output ??= pool.lease(OUTPUT_OCTETS);
      const waiting = input.waiting();
      let octets: Uint8Array;
      try {
        octets = rewriter.rewrite(waiting, output);
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        this.#reject(error);
        if (this.transport !== "udp") return "rejected";
        this.#skipDatagram();
        continue;
      }
      // What observes has a tap of its own: it relays octets that no rewriter gave out.
      if (rewriter === this.#mediated) this.#tap?.take(waiting, rewriter.consumed, octets);
      input.consume(rewriter.consumed);
      this.#streamOffset += rewriter.consumed;

      if (octets.length > 0) {
        octets = this.#holdLittle(octets, output);
        // Counted before: a loss in the middle of the write is reported before the write says how much was taken.
        this.#collector.inFlight.add(octets.length, rewriter.producedRecords);
        let taken = 0;
        try {
          taken = await this.#collector.write(octets);
        } catch { /* The next write finds the same. */ }
        if (taken < octets.length) taken = await this.#writeRest(this.#collector, octets, taken);
        if (taken < octets.length) {
          const unsent = octets.subarray(wholeMessages(octets, taken));
          this.#collector = await this.#resume(this.#collector, unsent);
          if (this.#collector === undefined) return this.#stopped ?? "collector_unavailable";
        }
        if (this.#output !== output) this.#releaseOutput();
        continue;
      }
      if (rewriter.consumed > 0) continue;

      atRest = true;
      if (this.#move !== undefined && this.#rewriter === this.#mediated) continue;
      // All that came is delivered but the beginning of a message: whoever waits long should hold little.
      this.#releaseOutput();
      const space = input.space();
      let length: number | null;
      // Told to stop while it was not reading, and with nothing to write that would have failed.
      if (this.#stopped !== undefined) return this.#stopped;
      this.#reading = true;
      try {
        length = await this.#exporter.read(space);
      } catch {
        return this.#stopped ?? (this.transport === "udp" ? "evicted" : "reset");
      }
      this.#reading = false;
      if (length === null) return this.#stopped ?? "closed";
      input.fill(length);
      this.#timer.receive();
      if (this.#timer.sinceAnnounced >= TEMPLATE_REFRESH && this.#collector.datagrams) {
        this.#timer.sinceAnnounced = 0;
        rewriter.announce();
      }
    }
  }

  /** Writes what a first write left over. Fewer octets taken than there are: the collector is gone. */
  async #writeRest(collector: CollectorConnection, octets: Uint8Array, taken: number): Promise<number> {
    try {
      while (taken < octets.length) taken += await collector.write(octets.subarray(taken));
    } catch { /* The link reports it. */ }
    return taken;
  }

  /**
   * Waits until the collector is back and has the rewriter give out the live templates and all that it never took whole. The
   * exporter is not read meanwhile: it notices nothing. Undefined: no collector within the time it may be held.
   */
  async #resume(failed: CollectorConnection, unsent: Uint8Array): Promise<CollectorConnection | undefined> {
    // What was relayed as it came ended nobody knows where.
    if (this.#rewriter !== this.#mediated) return undefined;
    this.#unsent = unsent.length;
    const collector = await this.#link.replace(failed);
    if (collector === undefined) {
      const fields = { octets: this.heldOctets };
      this.#report("warning", "held_octets_discarded", "no collector came back to take what was held", fields);
      return undefined;
    }
    this.#unsent = 0;
    this.#begin(unsent);
    return collector;
  }

  /** Begins a transport session to the collector: live templates, then what the one before never took. */
  #begin(unsent?: Uint8Array): void {
    const move = this.#move;
    this.#move = undefined;
    if (move?.renew === true) this.#renew(unsent, move.collector);
    else if (this.#rewriter === this.#mediated) this.#mediated.restart(unsent);
    if (move !== undefined) {
      if (this.#rewriter instanceof ObservingRewriter) this.#rewriter.release();
      this.#rewriter = move.observe ? this.#observing(this.#mediated.sourceTemplates()) : this.#mediated;
    }
    const announced = this.templates().filter(({ targetTemplate }) => targetTemplate !== undefined);
    this.#counters.replayedTemplates += announced.length;
  }

  #renew(unsent: Uint8Array | undefined, collector: CollectorFacts): void {
    const records = this.#mediated.renew(unsent, collector);
    if (records === 0) return;
    const message =
      `${records} records were made for the collector before, and are of no use to the one that holds now`;
    const fields = { octets: unsent?.length ?? 0, records };
    this.#report("warning", "held_octets_discarded", message, fields);
  }

  #observing(prelude: readonly Uint8Array[] = []): ObservingRewriter {
    return new ObservingRewriter(this.#mediated, {
      pool: this.#pool,
      datagrams: () => this.#collector?.datagrams === true,
      onBroken: this.#reportBroken.bind(this),
      tap: this.#tap,
      prelude,
    });
  }

  /**
   * Leaves the collector that has taken all that was for it, for the one that holds now; not while a message is half on its way.
   *
   * @returns the collector from here on. Undefined: this session is over
   */
  async #tryMove(left: CollectorConnection): Promise<CollectorConnection | undefined> {
    if (this.#rewriter instanceof ObservingRewriter) {
      const isWhole = this.#rewriter.finish();
      // What was relayed has lost its bounds: this exporter has to begin anew.
      if (isWhole === undefined) return undefined;
      if (!isWhole) return left;
    }
    const link = this.#link;
    link.retire();
    const collector = await link.replace(left);
    if (collector !== undefined) this.#begin();
    return collector;
  }

  /** A broken message: what came before it is delivered, this session is over, no other feels it. Over UDP only it is lost. */
  #reject(error: DecodeError): void {
    const protocol = foreignProtocol(this.#input.waiting());
    const hint = protocol === undefined ? "" : `; it looks like ${protocol}`;
    this.#reportRejection(error.reason, `${error.message}${hint}`, this.#streamOffset + error.offset);
  }

  /** The listener has seen to it that the message's length is its datagram's. */
  #skipDatagram(): void {
    const length = messageLength(this.#input.waiting(), 0);
    this.#input.consume(length);
    this.#streamOffset += length;
  }

  /** A broken message in a session that is only observed: it is relayed on. */
  #reportBroken(error: DecodeError, offset: number, octets: Uint8Array): void {
    const fields = { offset: offset + error.offset, reason: error.reason, ...describeRejected(octets) };
    this.#report("warning", "observing_ended", `${error.message}; the session is relayed on, unobserved`, fields);
  }

  /** The beginning of a message whose rest will not come. */
  #discardTail(outcome: SessionOutcome): void {
    if (this.#input.length === 0 || outcome === "rejected") return;
    increment(this.counters.messagesRejected, "message_truncated");
    const message = `the session ended ${this.#input.length} octets into a message`;
    this.#reportRejection("message_truncated", message, this.#streamOffset);
  }

  /** Once for each reason: a session over UDP goes on, however many there are. */
  #reportRejection(reason: RejectReason, message: string, offset: number): void {
    const rejected = this.#rejected ??= new Set();
    if (rejected.has(reason)) return;
    rejected.add(reason);
    this.#report("warning", "message_rejected", message, {
      offset,
      reason,
      ...describeRejected(this.#input.waiting()),
    });
  }

  /** Its way to the collector is given up. */
  abandoned(): void {
    this.stop("collector_unavailable");
  }

  /** Ends the session from this side. What was delivered stays delivered; what waits for a lost collector is given up. */
  stop(outcome: SessionOutcome): void {
    this.#stopped ??= outcome;
    if (this.#reading && !this.#closing) this.#exporter.close();
    else this.#link.close();
  }

  /** Goes over to another collector, another way to it, or another mode, before the next record. */
  move(move: SessionMove): void {
    // Of two moves, the later counts; what the earlier one would have made useless is so still.
    this.#move = { ...move, renew: move.renew || this.#move?.renew === true };
    this.#moveWaited = 0;
    this.#link.redirect(move.dial);
  }

  /** Dials this where the connection to the collector is lost. */
  redirect(dial: Dial): void {
    this.#link.redirect(dial);
  }

  /** Maps its templates again, by the treatments that hold now. */
  remap(): void {
    this.#rewriter.remap();
  }

  /** Whether the collector that holds now expects something else than the one that output is made for. */
  get outdated(): boolean {
    return this.#mediated.outdated;
  }

  get observed(): boolean {
    return this.#move?.observe ?? this.#rewriter !== this.#mediated;
  }

  /** Other limits hold from now on. */
  limit(limits: SessionLimits, hold: number): void {
    this.#limits = limits;
    this.#link.hold = hold;
  }

  /**
   * Tells the exporter that this ends, and goes on for as long as it still sends; see {@link tick}.
   *
   * @param within milliseconds at most; without, for as long as it is let
   */
  drain(within = Infinity): void {
    this.#draining = true;
    this.#drainLeft = within;
    this.#timer.quiet = 0;
    void this.#exporter.closeWrite();
  }

  /**
   * The one timer of all sessions: called every so many milliseconds.
   *
   * @param quiet when draining: an exporter that sent nothing for so long has sent all
   */
  tick(elapsed: number, quiet: number): void {
    const timer = this.#timer;
    timer.sinceAnnounced += elapsed;
    this.#drainLeft -= elapsed;
    if (!this.#reading) return this.#waitToMove(elapsed);
    timer.wait(elapsed, this.#streamOffset, this.#input.length);
    const { partialMessage } = this.#limits;
    const idle = this.#limits.idle || (this.#exporter.idleLimit ?? 0);
    if (this.#draining && (timer.quiet >= Math.max(quiet, elapsed) || this.#drainLeft <= 0)) this.stop("drained");
    else if (partialMessage > 0 && timer.partial >= partialMessage) this.stop("partial_message");
    else if (idle > 0 && timer.quiet >= idle) this.stop("idle");
  }

  /** A collector that is to be left may take as long over what it was given as one that closes. */
  #waitToMove(elapsed: number): void {
    if (this.#move === undefined || this.#unsent > 0) return;
    this.#moveWaited += elapsed;
    if (this.#moveWaited >= this.#limits.collectorClose) this.#link.tearDown();
  }

  /** True once the exporter is done with, and only its last octets are on their way. */
  get closing(): boolean {
    return this.#closing;
  }

  get counters(): Counters {
    return this.#mediated.counters;
  }

  /** Whether any live template's mapping is not the identity. */
  get skewed(): boolean {
    return this.#mediated.skewed;
  }

  /** Whether its connection to the collector stands. */
  get connected(): boolean {
    return this.#link.connected;
  }

  /** Octets that wait because there is no collector to write them to. */
  get heldOctets(): number {
    return this.#unsent === 0 ? 0 : this.#unsent + this.#input.length;
  }

  get remoteAddress(): Address {
    return this.#exporter.remoteAddress;
  }

  /** For how long its templates hold, where the transport itself never ends. */
  get templateLife(): TemplateLife | undefined {
    return this.#exporter.templateLife;
  }

  /** The exporter's own templates, a message each. */
  sourceTemplates(): Uint8Array[] {
    return this.#mediated.sourceTemplates();
  }

  templates(): TemplateState[] {
    return this.#mediated.templates();
  }

  /**
   * Thousands of sessions that write at once share one large buffer: what lies in the input's needs none, and little moves into a
   * little one for its write.
   */
  #holdLittle(octets: Uint8Array, output: Uint8Array): Uint8Array {
    const isInput = octets.byteOffset !== output.byteOffset || octets.buffer !== output.buffer;
    if (!isInput && octets.length > SMALL_OUTPUT) return octets;
    this.#releaseOutput();
    if (isInput) return octets;
    const small = this.#output = this.#pool.lease(
      octets.length <= SMALLEST_OUTPUT ? SMALLEST_OUTPUT : SMALL_OUTPUT,
    );
    small.set(octets);
    return small.subarray(0, octets.length);
  }

  #releaseOutput(): void {
    if (this.#output !== undefined) this.#pool.release(this.#output);
    this.#output = undefined;
  }
}
