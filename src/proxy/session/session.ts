import type { TransportProtocol } from "../../ipfix/message/transport_protocol.ts";
import { Counters, sumOf } from "../../mediation/templates/counters.ts";
import type { TemplateState } from "../../mediation/session/session_rewriter.ts";
import { errorMessage } from "../../error_message.ts";
import type { CollectorLink, CollectorRoute } from "../collector/collector_link.ts";
import type { ExhaustedLimit, SessionOutcome } from "../reporting/proxy_counters.ts";
import type { ReportOfSession } from "../reporting/proxy_event.ts";
import type { Turns } from "../time/turns.ts";
import { type Address, formatAddress } from "../transport/address.ts";
import type { TemplateLife } from "../transport/connection.ts";
import { Relay } from "./relay.ts";
import { type SessionLimits, type SessionMove, type SessionParts, WORK } from "./session_parts.ts";
import type { SessionDecision } from "./rewriting/undecided_rewriter.ts";

const NOTHING_COUNTED = new Counters();

/** Milliseconds that an exporter may let pass before its first octet without losing its place to another. */
const SILENCE = 15_000;

/**
 * An exporter's transport session, paired with one of its own to the collector: how it begins and ends, and what can be
 * asked of it and about it meanwhile. Its {@link Relay} is the data path.
 */
export class Session {
  readonly id: string;
  /** The listener that accepted the exporter. */
  readonly listener: object | undefined;
  readonly #relay: Relay;
  readonly #link: CollectorLink;
  readonly #turns: Turns;
  readonly #report: ReportOfSession;
  readonly #onClosing: SessionParts["onClosing"];
  readonly #onEnd: SessionParts["onEnd"];
  /** Milliseconds since 1970, which takes a sixth of a Date's memory in each of thousands of sessions. */
  readonly #openedAt: number;
  #closing = false;
  /** Whether all is flushed, and only the exporter's connection is left to be closed in order. */
  #answering = false;
  #evictedFor: ExhaustedLimit | undefined;

  constructor(parts: SessionParts) {
    this.id = parts.id;
    this.listener = parts.listener;
    this.#link = parts.link;
    this.#turns = parts.turns;
    this.#report = parts.report;
    this.#onClosing = parts.onClosing;
    this.#onEnd = parts.onEnd;
    this.#openedAt = parts.openedAt.getTime();
    this.#relay = new Relay(parts, () => this.stop("partial_message"));
    parts.link.owner = this;
    parts.exporter.count?.(parts.rewriter.counters);
  }

  get peer(): string {
    return formatAddress(this.#relay.exporter.remoteAddress);
  }

  get transport(): TransportProtocol {
    return this.#relay.exporter.transport;
  }

  get certificateName(): string | undefined {
    return this.#relay.exporter.certificateName;
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
    const relayed = this.#relay.run();
    const finish = () => this.#finish(relayed);
    return relayed.then(finish, finish);
  }

  async #finish(relayed: Promise<SessionOutcome>): Promise<SessionOutcome> {
    const relay = this.#relay;
    let outcome: SessionOutcome;
    try {
      outcome = await relayed;
      // Thousands may end at once.
      await this.#turns.costly();
      this.#turns.spend(undefined, () => this.#beginClosing(outcome));
      if (relay.rewriting.rewrites) await relay.dropRemainder(outcome);
      relay.discardTail(outcome);
      relay.output.release();
      // An exporter that closed in order is kept waiting until the collector has closed too: it can then tell that all
      // was flushed.
      if (outcome !== "closed") relay.exporter.close();
      if (relay.collector.connection !== undefined) await this.#link.finish(relay.limits.collectorClose);
      // Without a close_notify alert, an exporter over TLS takes the end for a truncated connection (RFC 8446 §6.1).
      if (outcome === "closed") {
        this.#answering = true;
        await relay.exporter.closeWrite();
      }
    } catch (error) {
      outcome = "failed";
      this.#beginClosing(outcome);
      this.#report("error", "session_failed", "an internal error ended the session", {
        reason: errorMessage(error),
      });
    }
    await this.#turns.costly();
    this.#turns.spend(undefined, () => this.#end(outcome));
    return outcome;
  }

  #end(outcome: SessionOutcome): void {
    this.#closing = true;
    const templates = this.#lastTemplates();
    this.#relay.exporter.close();
    this.#link.close();
    this.#relay.release();
    this.#onEnd?.(this.id, outcome, templates);
  }

  /** Its templates, before they are released. An internal error may have left them unreadable. */
  #lastTemplates(): readonly TemplateState[] {
    try {
      return this.templates();
    } catch {
      return [];
    }
  }

  /** From here on the exporter is no longer read. */
  #beginClosing(outcome: SessionOutcome): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#onClosing?.(this.id, outcome);
  }

  /** The link has given up reaching the collector. */
  abandoned(): void {
    this.stop("collector_unavailable");
  }

  /** Ends the session. Octets held for a lost collector are discarded. */
  stop(outcome: SessionOutcome): void {
    this.#relay.stop(outcome);
    if (this.#answering || (this.#relay.reading && !this.#closing)) this.#relay.exporter.close();
    else this.#link.close();
  }

  /** Ends the session to make room for others, of which this limit leaves too little. */
  evict(limit: ExhaustedLimit): void {
    this.#evictedFor ??= limit;
    this.stop("evicted");
  }

  /** The limit for which it was evicted, if it was. */
  get evictedFor(): ExhaustedLimit | undefined {
    return this.#evictedFor;
  }

  /** Moves to another collector, another way to it, or another mode, before the next record. */
  move(move: SessionMove): void {
    this.#relay.collector.request(move);
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
    const { use, collector } = this.#relay;
    if (this.#closing) return undefined;
    if (this.#turns.spend(use, () => collector.beginEpoch(route, began, this.#relay.reading))) return undefined;
    return this.#turns.costly(use).then(() => this.beginEpoch(route, began));
  }

  /**
   * Maps its templates again, by the current treatments.
   *
   * @returns a promise if that takes more than one turn
   */
  remap(): Promise<void> | undefined {
    const { use, rewriting } = this.#relay;
    if (this.#turns.spend(use, () => rewriting.current.remap(WORK))) return undefined;
    return this.#turns.costly(use).then(() => this.remap());
  }

  /** Whether the current collector expects something other than what the output is made for. */
  get outdated(): boolean {
    return this.#relay.rewriting.mediated.outdated;
  }

  /** Whether the first template has to come before it is decided where the session goes. */
  get undecided(): boolean {
    return this.#relay.rewriting.undecided;
  }

  /** Waits for the first template again, if no template and no connection is there yet. Returns whether it does. */
  undecide(decision: SessionDecision): boolean {
    if (!this.#relay.collector.holding && this.#relay.collector.connection === undefined) {
      this.#relay.rewriting.undecide(decision);
    }
    return this.undecided;
  }

  /** Transport and address of the collector that it goes to; undefined while that is undecided. */
  get collector(): string | undefined {
    return this.undecided ? undefined : this.#link.collector;
  }

  get observed(): boolean {
    return this.#relay.rewriting.observes;
  }

  /** Changes the limits from now on. */
  limit(limits: SessionLimits, hold: number): void {
    this.#relay.limits = limits;
    this.#link.hold = hold;
  }

  /**
   * Half-closes the exporter's connection, and relays until it stops sending; see {@link tick}.
   *
   * @param within milliseconds after which the session is stopped; by default never, as the whole proxy drains: then an
   * exporter that changes more templates than it may does not wait until it may again, but ends
   */
  drain(within = Infinity): void {
    this.#relay.drain(within, within === Infinity);
    void this.#relay.exporter.closeWrite();
  }

  /**
   * Applies the time limits. Called regularly by one timer for all sessions.
   *
   * @param elapsed milliseconds since the last call
   * @param quiet when draining, milliseconds of silence after which an exporter is taken to have sent everything
   */
  tick(elapsed: number, quiet: number): void {
    const { timer, reading, collector, limits } = this.#relay;
    timer.pass(elapsed);
    if (!reading || this.#closing) {
      if (timer.drainOver && !this.#closing) this.stop("drained");
      return collector.waitToMove(elapsed, limits.collectorClose);
    }
    this.#relay.room.pass(elapsed);
    timer.wait(elapsed, this.#relay.offset, this.#relay.input.length);
    const idle = limits.idle || (this.#relay.exporter.idleLimit ?? 0);
    const outcome = timer.expired(limits, idle, Math.max(quiet, elapsed));
    if (outcome !== undefined) this.stop(outcome);
  }

  /** Whether the exporter has sent anything. */
  get heard(): boolean {
    return this.#relay.heard;
  }

  /** Whether the exporter is no longer read, and only its last octets are being delivered. */
  get closing(): boolean {
    return this.#closing;
  }

  /** Milliseconds since the exporter last sent anything, to the tick. */
  get quiet(): number {
    return this.#relay.timer.quiet;
  }

  /** Whether the exporter has sent nothing for so long that its place may go to another. */
  get unheard(): boolean {
    return !this.heard && this.quiet >= SILENCE;
  }

  /** All that was counted, in either mode. */
  get counters(): Counters {
    const [rewritten, observed] = [this.#relay.rewriting.countersOf(false), this.#relay.rewriting.countersOf(true)];
    if (rewritten === undefined || observed === undefined) return rewritten ?? observed ?? NOTHING_COUNTED;
    return sumOf(rewritten, observed);
  }

  /**
   * The part of {@link counters} that was counted while it was only observed: its losses are those that rewriting would
   * cause.
   */
  get observedCounters(): Counters {
    return this.#relay.rewriting.countersOf(true) ?? NOTHING_COUNTED;
  }

  /** The part of {@link counters} that was counted while it was rewritten. */
  get rewrittenCounters(): Counters {
    return this.#relay.rewriting.countersOf(false) ?? NOTHING_COUNTED;
  }

  /** Discards the lost values that were counted in an earlier mode. */
  forgetLostValues(): void {
    this.#relay.rewriting.forgetLostValues();
  }

  /** Its counters by the mode in which they were counted. */
  *counted(): Iterable<{ readonly counters: Counters; readonly observed: boolean }> {
    for (const observed of [false, true]) {
      const counters = this.#relay.rewriting.countersOf(observed);
      if (counters !== undefined) yield { counters, observed };
    }
  }

  /** Whether the mapping of any template in use is not the identity. */
  get skewed(): boolean {
    return this.#relay.rewriting.mediated.skewed;
  }

  /** Whether it is over for the verdict: over UDP, which signals no end, its exporter has been silent for `udpIdle`. */
  get silent(): boolean {
    return this.transport === "udp" && this.#relay.timer.quiet >= this.#relay.limits.udpIdle;
  }

  /** Whether all templates that the exporter's data needs are known. */
  get templatesKnown(): boolean {
    return this.#relay.rewriting.templatesKnown;
  }

  /** Whether it is connected to the collector. */
  get connected(): boolean {
    return this.#link.connected;
  }

  /** Octets held because no collector is connected. */
  get heldOctets(): number {
    if (!this.#relay.collector.holding) return 0;
    return this.#relay.rewriting.mediated.heldOctets + this.#relay.input.length + (this.#relay.exporter.available ?? 0);
  }

  /** Data records held because no collector is connected, or on their way to it: received, neither sent nor dropped. */
  get recordsInHand(): number {
    return this.#relay.rewriting.mediated.heldRecords + this.#relay.rewriting.mediated.recordsInHand;
  }

  get remoteAddress(): Address {
    return this.#relay.exporter.remoteAddress;
  }

  /** How long its templates are valid, over UDP. */
  get templateLife(): TemplateLife | undefined {
    return this.#relay.exporter.templateLife;
  }

  /** The exporter's own templates, one message each. */
  sourceTemplates(): Uint8Array[] {
    return this.#relay.rewriting.mediated.sourceTemplates();
  }

  templates(): TemplateState[] {
    return this.#relay.rewriting.mediated.templates();
  }
}
