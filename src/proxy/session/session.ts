import type { TransportProtocol } from "../../ipfix/message/transport_protocol.ts";
import { DecodeError } from "../../ipfix/octets/decode_error.ts";
import { type Counters, increment } from "../../mediation/templates/counters.ts";
import type { TemplateState } from "../../mediation/session/session_rewriter.ts";
import { type Address, formatAddress } from "../transport/address.ts";
import type { CollectorLink, CollectorRoute } from "../collector/collector_link.ts";
import { CollectorSession } from "./collector_session.ts";
import type { Connection, TemplateLife } from "../transport/connection.ts";
import { messageLength, wholeMessages } from "../transport/message_walk.ts";
import { MessageRoom } from "./message_room.ts";
import { OutputBuffer } from "../memory/output_buffer.ts";
import type { SessionOutcome } from "../reporting/proxy_counters.ts";
import type { ReportOfSession } from "../reporting/proxy_event.ts";
import { ReadBuffer } from "../memory/read_buffer.ts";
import { Remainder } from "./remainder.ts";
import { Rejections } from "./rejections.ts";
import { RewriterSwitch } from "./rewriter_switch.ts";
import type { SessionDecision } from "./undecided_rewriter.ts";
import type { RewriterTap } from "./rewriter_tap.ts";
import { type SessionLimits, type SessionMove, type SessionParts, WORK } from "./session_parts.ts";
import type { Clock } from "../time/clock.ts";
import { SessionTimer } from "./session_timer.ts";
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
  readonly #turns: Turns;
  readonly #clock: Clock;
  readonly #report: ReportOfSession;
  readonly #onHeard: SessionParts["onHeard"];
  readonly #onClosing: SessionParts["onClosing"];
  readonly #onEnd: SessionParts["onEnd"];
  /** Milliseconds since 1970, which takes a sixth of a Date's memory in each of thousands of sessions. */
  readonly #openedAt: number;
  readonly #rewriting: RewriterSwitch;
  readonly #tap: RewriterTap | undefined;
  #limits: SessionLimits;
  readonly #input: ReadBuffer;
  readonly #room: MessageRoom;
  readonly #output: OutputBuffer;
  readonly #collector: CollectorSession;
  /** Octets consumed since the beginning of the exporter's stream, to which offsets in reports refer. */
  #streamOffset = 0;
  /** The outcome, if the proxy ends the session. */
  #stopped: SessionOutcome | undefined;
  #closing = false;
  /** Whether the exporter has sent anything. */
  heard = false;
  #reading = false;
  /** Made with the first template. */
  #throttle: TemplateThrottle | undefined;
  #remainder: Remainder | undefined;
  readonly #timer = new SessionTimer();
  readonly #rejections: Rejections;

  constructor(parts: SessionParts) {
    this.id = parts.id;
    this.listener = parts.listener;
    this.#exporter = parts.exporter;
    this.#link = parts.link;
    this.#turns = parts.turns;
    this.#clock = parts.clock;
    this.#report = parts.report;
    this.#rejections = new Rejections(parts.report);
    this.#output = new OutputBuffer(parts.pool);
    this.#onHeard = parts.onHeard;
    this.#onClosing = parts.onClosing;
    this.#onEnd = parts.onEnd;
    this.#openedAt = parts.openedAt.getTime();
    this.#tap = parts.tap;
    this.#limits = parts.limits;
    const wholeMessages = () => this.#collector.connection?.wholeMessages === true;
    this.#room = new MessageRoom(parts.memory, parts.exporter, () => {
      if (!this.#rewriting.giveUpObserving()) this.stop("partial_message");
    });
    this.#rewriting = new RewriterSwitch(parts, this.#rejections, this.#room, wholeMessages);
    this.#collector = new CollectorSession(parts.link, this.#rewriting, this.#output);
    this.#input = new ReadBuffer(parts.pool, parts.memory);
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
    let templates: readonly TemplateState[] = [];
    try {
      outcome = await relayed;
      this.#beginClosing(outcome);
      if (this.#rewriting.rewrites) await this.#dropRemainder(outcome);
      this.#discardTail(outcome);
      this.#output.release();
      // An exporter that closed in order is kept waiting until the collector has closed too: it can then tell that all
      // was flushed.
      if (outcome !== "closed") this.#exporter.close();
      if (this.#collector.connection !== undefined) await this.#link.finish(this.#limits.collectorClose);
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
      templates = this.#lastTemplates();
      this.#exporter.close();
      this.#link.close();
      this.#rewriting.close();
      this.#output.release();
      this.#input.release();
      this.#room.close();
    }
    this.#onEnd?.(this.id, outcome, templates);
    return outcome;
  }

  /** Its templates, before they are released. An internal error may have left them unreadable. */
  #lastTemplates(): readonly TemplateState[] {
    try {
      return this.templates();
    } catch {
      return [];
    }
  }

  /**
   * The data path: exporter → rewriter → collector. Nothing is read while output is waiting to be written, so a slow
   * collector slows the exporter down, and at most one input and one output buffer are held.
   */
  async #relay(): Promise<SessionOutcome> {
    const [input, collector, rewriting] = [this.#input, this.#collector, this.#rewriting];
    /** Whether the rewriter holds no output: its last call produced none. */
    let atRest = false;
    /** Milliseconds until it may change more templates. */
    let wait = 0;
    for (;;) {
      if (wait > 0) await this.#awaitTurn(wait);
      if (this.#turns.over) await this.#turns.next(this.#isDemanding, rewriting.current.unfinished ? this : undefined);
      if (this.#stopped !== undefined) return this.#stopped;
      const { move, rewrites } = rewriting;
      // A session that is observed has no output in the rewriter, and may be at the end of a message at any time.
      if (move !== undefined && (atRest || collector.connection === undefined || !rewrites)) {
        if (collector.connection === undefined) rewriting.begin();
        else if (!await collector.move(collector.connection)) return this.#unavailable;
      }
      // Over UDP, where anyone can be the sender, not before there is output. What is observed goes out as it comes.
      const isWanted = input.length > 0 && !rewriting.undecided && (this.transport !== "udp" || !rewriting.rewrites);
      if (isWanted && collector.connection === undefined) {
        if (!await collector.connect()) return this.#unavailable;
        // The collector's process, or what is expected of it, may have changed while it was dialled.
        if (rewriting.mediated.outdated) {
          await rewriting.prepare();
          rewriting.renew();
        }
        continue;
      }
      atRest = false;
      // What is not mapped yet waits as it came, since the next process may expect something else.
      if (collector.connection?.lost === true && rewriting.move === undefined && rewriting.rewrites) {
        if (!await collector.resume(collector.connection, NOTHING)) return this.#unavailable;
      }
      const rewriter = rewriting.current;
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
      if (rewriter === rewriting.mediated) this.#tap?.take(waiting, rewriter.consumed, octets);
      input.consume(rewriter.consumed);
      this.#streamOffset += rewriter.consumed;

      if (octets.length > 0) {
        octets = this.#output.shrinkTo(octets, output);
        if (collector.connection === undefined) {
          if (!await collector.connect()) {
            rewriting.mediated.interrupt(octets);
            return this.#unavailable;
          }
          // What the collector expects may have changed meanwhile.
          if (rewriting.move !== undefined && collector.connection !== undefined) {
            if (await collector.resume(collector.connection, octets)) continue;
            return this.#unavailable;
          }
          if (rewriter === rewriting.mediated && rewriting.mediated.outdated && collector.connection !== undefined) {
            if (await collector.beginAnew(collector.connection, octets)) continue;
            return this.#unavailable;
          }
        }
        const { connection } = collector;
        if (connection === undefined) return this.#unavailable;
        // Counted first: a connection that breaks during the write is reported before the write returns.
        connection.expect(octets.length, rewriter.producedRecords);
        let taken = 0;
        try {
          taken = await connection.write(octets);
        } catch { /* The next write fails in the same way. */ }
        const waited = taken < octets.length;
        if (waited) taken = await collector.writeRest(connection, octets, taken);
        if (taken === octets.length) connection.take(waited);
        else {
          const unsent = octets.subarray(wholeMessages(octets, taken));
          if (!await collector.resume(connection, unsent)) return this.#unavailable;
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
      if (rewriting.move !== undefined && rewriting.rewrites) continue;
      // Everything but the beginning of a message is delivered. Idle sessions should hold little memory.
      this.#output.release();
      const room = this.#room.wait(input.missing);
      if (room !== undefined) await room;
      const space = input.space();
      this.#room.note(rewriting.partial ?? { offset: this.#streamOffset, capacity: input.partialCapacity });
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
      if (this.#timer.sinceAnnounced >= this.#limits.templateRefresh && collector.connection?.datagrams === true) {
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

  /** Whether its last piece of work may have taken long. */
  get #isDemanding(): boolean {
    return this.#rewriting.current.unfinished || this.#rewriting.current.templateChanges > 0;
  }

  /** Milliseconds to wait after so many template changes. */
  #waitFor(changes: number): number {
    const throttle = this.#throttle ??= new TemplateThrottle(this.#clock, this.#exporter, this.#report);
    return throttle.note(changes, this.#limits.templateChanges);
  }

  /** Waits until more templates may change. */
  async #awaitTurn(milliseconds: number): Promise<void> {
    this.#output.release();
    await this.#throttle?.wait(milliseconds);
  }

  /** Skips a malformed message over UDP. The listener has checked that its length is that of its datagram. */
  #skipDatagram(): void {
    const length = messageLength(this.#input.waiting(), 0);
    this.#input.consume(length);
    this.#streamOffset += length;
  }

  /** Drops what has not gone out. */
  async #dropRemainder(outcome: SessionOutcome): Promise<void> {
    if (outcome === "rejected") return;
    const parts = {
      exporter: this.#exporter,
      rewriter: this.#rewriting.mediated,
      input: this.#input,
      output: this.#output,
    };
    this.#remainder = new Remainder({ ...parts, clock: this.#clock, turns: this.#turns, report: this.#report });
    const isDrained = outcome === "drained" && this.transport !== "udp" && !this.#link.connected;
    const isAway = outcome === "collector_unavailable" || (isDrained && this.#collector.holding);
    await this.#remainder.drop(isAway);
    this.#collector.holding = false;
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
    this.#room.giveUp();
    this.#remainder?.stop();
    if (this.#reading && !this.#closing) this.#exporter.close();
    else this.#link.close();
  }

  /** Moves to another collector, another way to it, or another mode, before the next record. */
  move(move: SessionMove): void {
    this.#collector.request(move);
  }

  /** Dials the collector in this way when the current connection is lost. */
  redirect(route: CollectorRoute): void {
    this.#link.redirect(route);
  }

  /**
   * The collector's process is another one; see {@link CollectorSession.beginEpoch}.
   *
   * @returns a promise if that takes more than one turn
   */
  beginEpoch(route: CollectorRoute, began: number): Promise<void> | undefined {
    if (this.#closing || this.#collector.beginEpoch(route, began, this.#reading)) return undefined;
    return this.#turns.next(true).then(() => this.beginEpoch(route, began));
  }

  /**
   * Maps its templates again, by the current treatments.
   *
   * @returns a promise if that takes more than one turn
   */
  remap(): Promise<void> | undefined {
    if (this.#rewriting.current.remap(WORK)) return undefined;
    return this.#turns.next(true).then(() => this.remap());
  }

  /** Whether the current collector expects something other than what the output is made for. */
  get outdated(): boolean {
    return this.#rewriting.mediated.outdated;
  }

  /** Whether the first template has to come before it is decided where the session goes. */
  get undecided(): boolean {
    return this.#rewriting.undecided;
  }

  /** Waits for the first template again, if no template and no connection is there yet. Returns whether it does. */
  undecide(decision: SessionDecision): boolean {
    if (!this.#collector.holding && this.#collector.connection === undefined) this.#rewriting.undecide(decision);
    return this.undecided;
  }

  /** Transport and address of the collector that it goes to; undefined while that is undecided. */
  get collector(): string | undefined {
    return this.undecided ? undefined : this.#link.collector;
  }

  get observed(): boolean {
    return this.#rewriting.observes;
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
    this.#timer.drain(within);
    void this.#exporter.closeWrite();
  }

  /**
   * Applies the time limits. Called regularly by one timer for all sessions.
   *
   * @param elapsed milliseconds since the last call
   * @param quiet when draining, milliseconds of silence after which an exporter is taken to have sent everything
   */
  tick(elapsed: number, quiet: number): void {
    this.#timer.pass(elapsed);
    if (!this.#reading) return this.#collector.waitToMove(elapsed, this.#limits.collectorClose);
    this.#room.pass(elapsed);
    this.#timer.wait(elapsed, this.#streamOffset, this.#input.length);
    const idle = this.#limits.idle || (this.#exporter.idleLimit ?? 0);
    const outcome = this.#timer.expired(this.#limits, idle, Math.max(quiet, elapsed));
    if (outcome !== undefined) this.stop(outcome);
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
    return this.#rewriting.mediated.counters;
  }

  /** Whether the mapping of any template in use is not the identity. */
  get skewed(): boolean {
    return this.#rewriting.mediated.skewed;
  }

  /** Whether it is over for the verdict: over UDP, which signals no end, its exporter has been silent for `udpIdle`. */
  get silent(): boolean {
    return this.transport === "udp" && this.#timer.quiet >= this.#limits.udpIdle;
  }

  /** Whether all templates that the exporter's data needs are known. */
  get templatesKnown(): boolean {
    return this.#rewriting.templatesKnown;
  }

  /** Whether it is connected to the collector. */
  get connected(): boolean {
    return this.#link.connected;
  }

  /** Octets held because no collector is connected. */
  get heldOctets(): number {
    if (!this.#collector.holding) return 0;
    return this.#rewriting.mediated.heldOctets + this.#input.length + (this.#exporter.available ?? 0);
  }

  /** Data records held because no collector is connected, or on their way to it: received, neither sent nor dropped. */
  get recordsInHand(): number {
    return this.#rewriting.mediated.heldRecords + this.#rewriting.mediated.recordsInHand;
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
    return this.#rewriting.mediated.sourceTemplates();
  }

  templates(): TemplateState[] {
    return this.#rewriting.mediated.templates();
  }
}
