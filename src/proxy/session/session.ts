import type { TransportProtocol } from "../../ipfix/transport_protocol.ts";
import { DecodeError } from "../../ipfix/decode_error.ts";
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
import type { CollectorLink, CollectorRoute } from "../collector/collector_link.ts";
import type { Connection, TemplateLife } from "../transport/connection.ts";
import { messageLength, wholeMessages } from "../transport/message_walk.ts";
import { ObservingRewriter } from "./observing_rewriter.ts";
import { OutputBuffer } from "../memory/output_buffer.ts";
import type { ProxyCounters, SessionOutcome } from "../reporting/proxy_counters.ts";
import type { ReportOfSession } from "../reporting/proxy_event.ts";
import { ReadBuffer } from "../memory/read_buffer.ts";
import { Remainder } from "./remainder.ts";
import { Rejections } from "./rejections.ts";
import type { RewriterTap } from "./rewriter_tap.ts";
import { type SessionLimits, type SessionMove, type SessionParts, WORK } from "./session_parts.ts";
import type { Clock } from "../time/clock.ts";
import { SessionTimer } from "../time/session_timer.ts";
import type { Turns } from "../time/turns.ts";
import { TemplateThrottle } from "./template_throttle.ts";
import { errorMessage } from "../../error_message.ts";

const NOTHING = new Uint8Array(0);
/** Milliseconds that an exporter may let pass before its first octet without losing its place to another. */
const SILENCE = 15_000;

/** An exporter's transport session, paired with one of its own to the collector. {@link run} is the data path. */
export class Session {
  readonly id: string;
  /** The listener that accepted the exporter. */
  readonly listener: object | undefined;
  readonly #exporter: Connection;
  readonly #link: CollectorLink;
  readonly #pool: BufferPool;
  readonly #turns: Turns;
  readonly #clock: Clock;
  readonly #counters: ProxyCounters;
  readonly #report: ReportOfSession;
  readonly #onHeard: SessionParts["onHeard"];
  readonly #onClosing: SessionParts["onClosing"];
  readonly #onEnd: SessionParts["onEnd"];
  /** Milliseconds since 1970, which takes a sixth of a Date's memory in each of thousands of sessions. */
  readonly #openedAt: number;
  /** The mediator's rewriter. */
  readonly #mediated: SessionRewriter;
  /** What produces the output: the mediator's rewriter, or in `mode: observe` a relay that runs it alongside. */
  #rewriter: OctetRewriter;
  readonly #tap: RewriterTap | undefined;
  #limits: SessionLimits;
  #move: SessionMove | undefined;
  /** Milliseconds that the move has waited for a collector that takes nothing. */
  #moveWaited = 0;
  readonly #input: ReadBuffer;
  readonly #output: OutputBuffer;
  #collector: CollectorConnection | undefined;
  /** Octets consumed since the beginning of the exporter's stream, to which offsets in reports refer. */
  #streamOffset = 0;
  /** The outcome, if the proxy ends the session. */
  #stopped: SessionOutcome | undefined;
  #closing = false;
  /** Whether the exporter has sent anything. */
  heard = false;
  #draining = false;
  /** Milliseconds left for draining. */
  #drainLeft = Infinity;
  #reading = false;
  /** Made with the first template. */
  #throttle: TemplateThrottle | undefined;
  /** Whether it waits for a collector. */
  #holding = false;
  #remainder: Remainder | undefined;
  readonly #collectorFacts: () => CollectorFacts;
  readonly #timer = new SessionTimer();
  readonly #rejections: Rejections;

  constructor(parts: SessionParts) {
    this.id = parts.id;
    this.listener = parts.listener;
    this.#exporter = parts.exporter;
    this.#link = parts.link;
    this.#pool = parts.pool;
    this.#turns = parts.turns;
    this.#clock = parts.clock;
    this.#counters = parts.counters;
    this.#report = parts.report;
    this.#rejections = new Rejections(parts.report);
    this.#output = new OutputBuffer(parts.pool);
    this.#onHeard = parts.onHeard;
    this.#onClosing = parts.onClosing;
    this.#onEnd = parts.onEnd;
    this.#openedAt = parts.openedAt.getTime();
    this.#mediated = parts.rewriter;
    this.#tap = parts.tap;
    this.#limits = parts.limits;
    this.#collectorFacts = parts.collectorFacts;
    this.#rewriter = parts.observe ? this.#observing() : parts.rewriter;
    this.#input = new ReadBuffer(parts.pool);
    parts.link.owner = this;
    parts.exporter.count?.(parts.rewriter.counters);
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
   * Relays the session from its first octet to its last. Never throws. Resolves when both sides are closed and all
   * memory is released.
   *
   * Not an async function, whose frame would take memory for as long as the session lives.
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
      this.#beginClosing(outcome);
      if (this.#rewriter === this.#mediated) await this.#dropRemainder(outcome);
      this.#discardTail(outcome);
      this.#output.release();
      // An exporter that closed in order is kept waiting until the collector has closed too: it can then tell that all
      // was flushed.
      if (outcome !== "closed") this.#exporter.close();
      if (this.#collector !== undefined) await this.#link.finish(this.#limits.collectorClose);
      // Without a close_notify alert, an exporter over TLS takes the end for a truncated connection (RFC 8446 §6.1).
      if (outcome === "closed") await this.#exporter.closeWrite();
    } catch (error) {
      outcome = "failed";
      this.#beginClosing(outcome);
      this.#report("error", "session_failed", "an internal error ended the session", {
        reason: errorMessage(error),
      });
    } finally {
      this.#closing = true;
      this.#exporter.close();
      this.#link.close();
      this.#tap?.close();
      this.#rewriter.close();
      this.#output.release();
      this.#input.release();
    }
    this.#onEnd?.(this.id, outcome);
    return outcome;
  }

  /**
   * The data path: exporter → rewriter → collector. Nothing is read while output is waiting to be written, so a slow
   * collector slows the exporter down, and at most one input and one output buffer are held.
   */
  async #relay(): Promise<SessionOutcome> {
    const input = this.#input;
    /** Whether the rewriter holds no output: its last call produced none. */
    let atRest = false;
    /** Milliseconds until it may change more templates. */
    let wait = 0;
    for (;;) {
      if (wait > 0) await this.#awaitTurn(wait);
      if (this.#turns.over) await this.#turns.next(this.#isDemanding);
      if (this.#stopped !== undefined) return this.#stopped;
      // A session that is observed has no output in the rewriter, and may be at the end of a message at any time.
      const mayMove = atRest || this.#collector === undefined || this.#rewriter !== this.#mediated;
      if (this.#move !== undefined && mayMove) {
        if (this.#collector === undefined) this.#begin();
        else {
          this.#collector = await this.#tryMove(this.#collector);
          if (this.#collector === undefined) return this.#unavailable;
        }
      }
      // Over UDP, where anyone can be the sender, not before there is output. What is observed goes out as it comes.
      const isWanted = input.length > 0 && (this.transport !== "udp" || this.#rewriter !== this.#mediated);
      if (isWanted && this.#collector === undefined) {
        if (await this.#connected() === undefined) return this.#unavailable;
        // The collector's process, or what is expected of it, may have changed while it was dialled.
        if (this.#mediated.outdated) this.#renew(this.#collectorFacts());
        continue;
      }
      atRest = false;
      // What is not mapped yet waits as it came, since the next process may expect something else.
      if (this.#collector?.lost === true && this.#move === undefined && this.#rewriter === this.#mediated) {
        this.#collector = await this.#resume(this.#collector, NOTHING);
        if (this.#collector === undefined) return this.#unavailable;
      }
      const rewriter = this.#rewriter;
      const output = this.#output.lease();
      const waiting = input.waiting();
      let octets: Uint8Array;
      try {
        octets = rewriter.rewrite(waiting, output, WORK);
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        this.#rejections.broken(error, waiting, this.#streamOffset);
        // Only UDP keeps the bounds of the next message.
        if (this.transport !== "udp") return "rejected";
        this.#skipDatagram();
        continue;
      }
      wait = rewriter.templateChanges === 0 ? 0 : this.#waitFor(rewriter.templateChanges);
      // An observing rewriter calls the tap itself, since what it relays is not what the mediator's rewriter produced.
      if (rewriter === this.#mediated) this.#tap?.take(waiting, rewriter.consumed, octets);
      input.consume(rewriter.consumed);
      this.#streamOffset += rewriter.consumed;

      if (octets.length > 0) {
        octets = this.#output.shrinkTo(octets, output);
        if (this.#collector === undefined) {
          this.#collector = await this.#connected();
          if (this.#collector === undefined) this.#mediated.interrupt(octets);
          // What the collector expects may have changed meanwhile.
          if (this.#collector !== undefined && this.#move !== undefined) {
            this.#collector = await this.#resume(this.#collector, octets);
            if (this.#collector !== undefined) continue;
          } else if (this.#collector !== undefined && rewriter === this.#mediated && this.#mediated.outdated) {
            this.#mediated.interrupt(octets);
            this.#begin();
            continue;
          }
        }
        const collector = this.#collector;
        if (collector === undefined) return this.#unavailable;
        // Counted first: a connection that breaks during the write is reported before the write returns.
        collector.expect(octets.length, rewriter.producedRecords);
        let taken = 0;
        try {
          taken = await collector.write(octets);
        } catch { /* The next write fails in the same way. */ }
        const waited = taken < octets.length;
        if (waited) taken = await this.#writeRest(collector, octets, taken);
        if (taken === octets.length) collector.take(waited);
        else {
          const unsent = octets.subarray(wholeMessages(octets, taken));
          this.#collector = await this.#resume(collector, unsent);
          if (this.#collector === undefined) return this.#unavailable;
        }
        this.#output.releaseUnless(output);
        continue;
      }
      if (rewriter.waiting !== undefined && rewriter.consumed === 0) {
        await rewriter.waiting;
        if (this.#stopped !== undefined) return this.#stopped;
        continue;
      }
      if (rewriter.consumed > 0 || rewriter.unfinished) continue;

      atRest = true;
      if (this.#move !== undefined && this.#rewriter === this.#mediated) continue;
      // Everything but the beginning of a message is delivered. Idle sessions should hold little memory.
      this.#output.release();
      const space = input.space();
      let length: number | null;
      // `stop` was called while nothing was being read or written that it could have interrupted.
      if (this.#stopped !== undefined) return this.#stopped;
      this.#reading = true;
      try {
        length = await this.#exporter.read(space);
      } catch (error) {
        if (error instanceof DecodeError) {
          this.#rejections.broken(error, NOTHING, 0);
          return "rejected";
        }
        return this.#stopped ?? (this.transport === "udp" ? "evicted" : "reset");
      }
      this.#reading = false;
      if (length === null) return this.#stopped ?? "closed";
      input.fill(length);
      this.#timer.receive();
      if (!this.heard) this.#hear();
      if (this.#timer.sinceAnnounced >= this.#limits.templateRefresh && this.#collector?.datagrams === true) {
        this.#timer.sinceAnnounced = 0;
        rewriter.announce();
      }
    }
  }

  #hear(): void {
    this.heard = true;
    this.#onHeard?.(this.id);
  }

  /** The outcome where there is no connection to the collector. */
  get #unavailable(): SessionOutcome {
    return this.#stopped ?? "collector_unavailable";
  }

  /** Waits for the first connection to the collector. Undefined: there is none. */
  async #connected(): Promise<CollectorConnection | undefined> {
    this.#holding = true;
    this.#collector = await this.#link.connection();
    if (this.#collector !== undefined) this.#holding = false;
    return this.#collector;
  }

  /** Whether its last piece of work may have taken long. */
  get #isDemanding(): boolean {
    return this.#rewriter.unfinished || this.#rewriter.templateChanges > 0;
  }

  /** Milliseconds to wait after so many template changes. */
  #waitFor(changes: number): number {
    const { templateChanges } = this.#limits;
    this.#throttle ??= new TemplateThrottle(this.#clock, () => {
      const message = `it changes more than ${templateChanges} templates a second, and waits its turn from now on`;
      this.#report("warning", "templates_throttled", message, { templateChanges });
    });
    return this.#throttle.note(changes, templateChanges);
  }

  /** Waits until more templates may change. What the exporter sends meanwhile waits as well. */
  async #awaitTurn(milliseconds: number): Promise<void> {
    this.#output.release();
    this.#exporter.throttle?.(true);
    await this.#throttle?.wait(milliseconds);
    this.#exporter.throttle?.(false);
  }

  /**
   * Writes what a first write left over. Returns the octets taken in total; fewer than all if the connection is lost.
   */
  async #writeRest(collector: CollectorConnection, octets: Uint8Array, taken: number): Promise<number> {
    try {
      while (taken < octets.length) taken += await collector.write(octets.subarray(taken));
    } catch { /* The link reports it. */ }
    return taken;
  }

  /**
   * Waits until the collector is back, and has the rewriter send the templates in use and then the messages that the
   * lost connection did not take completely. The exporter is not read meanwhile and notices nothing.
   *
   * @returns the new connection; undefined if there was none within the hold time
   */
  async #resume(failed: CollectorConnection, unsent: Uint8Array): Promise<CollectorConnection | undefined> {
    // Octets relayed unseen may have ended in the middle of a message, so that nothing can follow them.
    if (this.#rewriter !== this.#mediated) return undefined;
    this.#mediated.interrupt(unsent);
    this.#output.release();
    this.#holding = true;
    const collector = await this.#link.replace(failed);
    if (collector === undefined) return undefined;
    await this.#prepare();
    this.#holding = false;
    this.#begin();
    return collector;
  }

  /** Waits for plugins that have to map the templates for another collector. */
  async #prepare(): Promise<void> {
    if (this.#move?.renew === true) await this.#mediated.prepare();
  }

  /**
   * Begins a transport session to the collector: templates in use, then the messages that the previous one did not
   * take.
   */
  #begin(): void {
    const move = this.#move;
    this.#move = undefined;
    const isOutdated = this.#rewriter === this.#mediated && this.#mediated.outdated;
    if (move?.renew === true || isOutdated) this.#renew(move?.collector ?? this.#collectorFacts());
    else if (this.#rewriter === this.#mediated) this.#mediated.restart();
    if (move !== undefined) {
      if (this.#rewriter instanceof ObservingRewriter) this.#rewriter.release();
      this.#rewriter = move.observe ? this.#observing(this.#mediated.sourceTemplates()) : this.#mediated;
    }
    const announced = this.templates().filter(({ targetTemplate }) => targetTemplate !== undefined);
    this.#counters.replayedTemplates += announced.length;
  }

  #renew(collector: CollectorFacts): void {
    const octets = this.#mediated.heldOctets;
    const records = this.#mediated.renew(undefined, collector);
    if (records === 0) return;
    const message = `${records} records were rewritten for the previous collector and are of no use to the current one`;
    this.#report("warning", "held_octets_discarded", message, { octets, records });
  }

  #observing(prelude: readonly Uint8Array[] = []): ObservingRewriter {
    return new ObservingRewriter(this.#mediated, {
      pool: this.#pool,
      wholeMessages: () => this.#collector?.wholeMessages === true,
      onBroken: (error, offset, octets) => this.#rejections.observationEnded(error, octets, offset),
      tap: this.#tap,
      prelude,
    });
  }

  /**
   * Moves to the current collector, once the previous one has taken all that was meant for it and no message is partly
   * sent.
   *
   * @returns the connection to use from here on; undefined if the session has to end
   */
  async #tryMove(left: CollectorConnection): Promise<CollectorConnection | undefined> {
    if (this.#rewriter instanceof ObservingRewriter) {
      const isWhole = this.#rewriter.finish();
      // Where messages begin is not known after a malformed one, so the exporter has to reconnect.
      if (isWhole === undefined) return undefined;
      if (!isWhole) return left;
    }
    const link = this.#link;
    link.retire();
    const collector = await link.replace(left);
    if (collector !== undefined) {
      await this.#prepare();
      this.#begin();
    }
    return collector;
  }

  /** Skips a malformed message over UDP. The listener has checked that its length is that of its datagram. */
  #skipDatagram(): void {
    const length = messageLength(this.#input.waiting(), 0);
    this.#input.consume(length);
    this.#streamOffset += length;
  }

  /**
   * Drops what has not gone out. Where there is no collector, that includes what the kernels hold: the exporter has
   * written it, and would otherwise never know that it is lost.
   */
  async #dropRemainder(outcome: SessionOutcome): Promise<void> {
    if (outcome === "rejected") return;
    const parts = { exporter: this.#exporter, rewriter: this.#mediated, input: this.#input, output: this.#output };
    const remainder = this.#remainder = new Remainder({ ...parts, clock: this.#clock, turns: this.#turns });
    await remainder.drop();
    if (outcome === "collector_unavailable") await remainder.dropUnread();
    this.#holding = false;
    const { records, octets } = remainder;
    if (records === 0) return;
    const why = outcome === "collector_unavailable"
      ? "the collector did not come back in time"
      : "the session has ended";
    const message = `${records} records were dropped that the collector had not taken: ${why}`;
    this.#report("warning", "held_octets_discarded", message, { octets, records });
  }

  /** From here on the exporter is no longer read. */
  #beginClosing(outcome: SessionOutcome): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#onClosing?.(this.id, outcome);
  }

  /** Counts and reports an incomplete message at the end of the session. */
  #discardTail(outcome: SessionOutcome): void {
    if (this.#input.length === 0 || outcome === "rejected") return;
    increment(this.counters.messagesRejected, "message_truncated");
    this.#rejections.truncated(this.#input.waiting(), this.#streamOffset);
  }

  /** The link has given up reaching the collector. */
  abandoned(): void {
    this.stop("collector_unavailable");
  }

  /** Ends the session. Octets held for a lost collector are discarded. */
  stop(outcome: SessionOutcome): void {
    this.#stopped ??= outcome;
    this.#throttle?.end();
    this.#remainder?.stop();
    if (this.#reading && !this.#closing) this.#exporter.close();
    else this.#link.close();
  }

  /** Moves to another collector, another way to it, or another mode, before the next record. */
  move(move: SessionMove): void {
    // The later of two moves counts. Output that the earlier one would have discarded is still of no use.
    this.#move = { ...move, renew: move.renew || this.#move?.renew === true };
    this.#moveWaited = 0;
    this.#link.redirect(move.route);
  }

  /** Dials the collector in this way when the current connection is lost. */
  redirect(route: CollectorRoute): void {
    this.#link.redirect(route);
  }

  /**
   * The collector's process is another one. Maps the templates for it, at once if no record is on its way; otherwise
   * before the next record. A session that has come to it since, and as it should be, goes on.
   *
   * @param began when its epoch began, on the session's clock
   */
  beginEpoch(route: CollectorRoute, began: number): void {
    if (this.#closing || this.observed) return;
    if (!this.outdated && (this.#collector?.usedAt ?? -Infinity) > began) return;
    const isUsed = this.#collector?.lost === false && this.#collector.usedAt !== undefined;
    // It wrote to the new process before that was known to be one.
    if (isUsed) this.move({ route, observe: false, renew: this.outdated, collector: this.#collectorFacts() });
    else if (this.#reading && this.#move === undefined && this.outdated) this.#renew(this.#collectorFacts());
  }

  /** Maps its templates again, by the current treatments. */
  remap(): void {
    this.#rewriter.remap();
  }

  /** Whether the current collector expects something other than what the output is made for. */
  get outdated(): boolean {
    return this.#mediated.outdated;
  }

  get observed(): boolean {
    return this.#move?.observe ?? this.#rewriter !== this.#mediated;
  }

  /** Changes the limits from now on. */
  limit(limits: SessionLimits, hold: number): void {
    this.#limits = limits;
    this.#link.hold = hold;
  }

  /**
   * Half-closes the exporter's connection, and relays until it stops sending; see {@link tick}.
   *
   * @param within milliseconds after which the session is stopped; by default never
   */
  drain(within = Infinity): void {
    this.#draining = true;
    this.#drainLeft = within;
    this.#timer.quiet = 0;
    void this.#exporter.closeWrite();
  }

  /**
   * Applies the time limits. Called regularly by one timer for all sessions.
   *
   * @param elapsed milliseconds since the last call
   * @param quiet when draining, milliseconds of silence after which an exporter is taken to have sent everything
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

  /** A collector that is being replaced may take as long over the last write as one that is being closed. */
  #waitToMove(elapsed: number): void {
    if (this.#move === undefined || this.#holding) return;
    this.#moveWaited += elapsed;
    if (this.#moveWaited >= this.#limits.collectorClose) this.#link.tearDown();
  }

  /** Whether the exporter is no longer read, and only its last octets are being delivered. */
  get closing(): boolean {
    return this.#closing;
  }

  /** Milliseconds since the exporter last sent anything, to the tick. */
  get quiet(): number {
    return this.#timer.quiet;
  }

  /** Whether the exporter has sent nothing for so long that its place may go to another. */
  get unheard(): boolean {
    return !this.heard && this.quiet >= SILENCE;
  }

  get counters(): Counters {
    return this.#mediated.counters;
  }

  /** Whether the mapping of any template in use is not the identity. */
  get skewed(): boolean {
    return this.#mediated.skewed;
  }

  /** Whether it is over for the verdict: over UDP, which signals no end, its exporter has been silent for `udpIdle`. */
  get silent(): boolean {
    return this.transport === "udp" && this.#timer.quiet >= this.#limits.udpIdle;
  }

  /** Whether all templates that the exporter's data needs are known. */
  get templatesKnown(): boolean {
    const isBlind = this.#rewriter instanceof ObservingRewriter && this.#rewriter.ended;
    return !isBlind && this.#mediated.templatesKnown;
  }

  /** Whether it is connected to the collector. */
  get connected(): boolean {
    return this.#link.connected;
  }

  /** Octets held because no collector is connected. */
  get heldOctets(): number {
    if (!this.#holding) return 0;
    return this.#mediated.heldOctets + this.#input.length + (this.#exporter.available ?? 0);
  }

  /** Data records held because no collector is connected, or on their way to it: received, neither sent nor dropped. */
  get recordsInHand(): number {
    return this.#mediated.heldRecords + this.#mediated.recordsInHand;
  }

  get remoteAddress(): Address {
    return this.#exporter.remoteAddress;
  }

  /** How long its templates are valid, over UDP. */
  get templateLife(): TemplateLife | undefined {
    return this.#exporter.templateLife;
  }

  /** The exporter's own templates, one message each. */
  sourceTemplates(): Uint8Array[] {
    return this.#mediated.sourceTemplates();
  }

  templates(): TemplateState[] {
    return this.#mediated.templates();
  }
}
