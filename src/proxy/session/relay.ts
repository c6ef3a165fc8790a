import { LENGTH_OFFSET } from "../../ipfix/message/message_header.ts";
import { DecodeError } from "../../ipfix/octets/decode_error.ts";
import type { OctetRewriter } from "../../mediation/session/session_rewriter.ts";
import { increment } from "../../mediation/templates/counters.ts";
import type { CollectorLink } from "../collector/collector_link.ts";
import { OutputBuffer } from "../memory/output_buffer.ts";
import { ReadBuffer } from "../memory/read_buffer.ts";
import type { SessionOutcome } from "../reporting/proxy_counters.ts";
import type { ReportOfSession } from "../reporting/proxy_event.ts";
import type { Clock } from "../time/clock.ts";
import { RecentUse } from "../time/recent_use.ts";
import { costlyUse, type Turns } from "../time/turns.ts";
import type { Connection } from "../transport/connection.ts";
import { messageLength, wholeMessages } from "../transport/message_walk.ts";
import { CollectorSession } from "./collector_session.ts";
import { MessageRoom } from "./message_room.ts";
import { Rejections } from "./rejections.ts";
import { Remainder } from "./remainder.ts";
import { RewriterSwitch } from "./rewriting/rewriter_switch.ts";
import type { RewriterTap } from "./rewriting/rewriter_tap.ts";
import { LITTLE_WORK, type SessionLimits, type SessionParts, WORK } from "./session_parts.ts";
import { SessionTimer } from "./session_timer.ts";
import { TemplateThrottle } from "./template_throttle.ts";

const NOTHING = new Uint8Array(0);

/** Octets up to which a session has relayed little lately, and what is forgotten of them in a millisecond: 1 MB/s. */
const FEW = 64 * 1024;
const FORGOTTEN = 1_000;

/** The data path of one session: {@link run} reads from the exporter, rewrites, and writes to the collector. */
export class Relay {
  readonly exporter: Connection;
  readonly collector: CollectorSession;
  readonly rewriting: RewriterSwitch;
  readonly input: ReadBuffer;
  readonly output: OutputBuffer;
  readonly room: MessageRoom;
  readonly timer = new SessionTimer();
  limits: SessionLimits;
  /** Octets consumed since the beginning of the exporter's stream, to which offsets in reports refer. */
  offset = 0;
  /** The outcome, if the proxy ends the session. */
  stopped: SessionOutcome | undefined;
  /** Whether the exporter has sent anything. */
  heard = false;
  /** Whether it waits for the exporter. */
  reading = false;
  readonly #link: CollectorLink;
  readonly #turns: Turns;
  readonly #clock: Clock;
  readonly #resident: SessionParts["resident"];
  readonly #report: ReportOfSession;
  readonly #tap: RewriterTap | undefined;
  readonly #id: string;
  readonly #onHeard: SessionParts["onHeard"];
  readonly #rejections: Rejections;
  /** Whether the rewriter holds no output: its last call produced none. */
  #atRest = false;
  /** Whether the last work was costly. */
  #isCostly = false;
  /** Milliseconds until it may change more templates. */
  #throttling = 0;
  /** Whether it waits for that, or has ended while it did. */
  #throttled = false;
  #leaving = false;
  /** Whether the proxy ends it, rather than that its exporter or its collector is gone. */
  #dismissed = false;
  /** Made with the first template. */
  #throttle: TemplateThrottle | undefined;
  /** What its costly work took. Made with the first of it. */
  #use: RecentUse | undefined;
  /** What it relayed, up to this offset. Made when it first has to wait for others. */
  #relayed: RecentUse | undefined;
  #relayedTo = 0;
  #remainder: Remainder | undefined;
  /** Ends a wait for others. */
  #giveUp: (() => void) | undefined;

  /** @param onStarved called when others need the memory of a message that takes too long to arrive */
  constructor(parts: SessionParts, onStarved: () => void) {
    this.exporter = parts.exporter;
    this.limits = parts.limits;
    this.#link = parts.link;
    this.#turns = parts.turns;
    this.#clock = parts.clock;
    this.#resident = parts.resident;
    this.#report = parts.report;
    this.#tap = parts.tap;
    this.#id = parts.id;
    this.#onHeard = parts.onHeard;
    this.#rejections = new Rejections(parts.report);
    this.input = new ReadBuffer(parts.pool, parts.memory);
    this.output = new OutputBuffer(parts.pool);
    this.room = new MessageRoom(parts.memory, parts.exporter, () => {
      if (!this.rewriting.giveUpObserving()) onStarved();
    });
    const wholeMessages = () => this.collector.connection?.wholeMessages === true;
    this.rewriting = new RewriterSwitch(parts, this.#rejections, this.room, wholeMessages);
    this.collector = new CollectorSession(parts.link, this.rewriting, this.output);
  }

  /**
   * The data path: exporter → rewriter → collector. Nothing is read while output is waiting to be written, so a slow
   * collector slows the exporter down, and at most one input and one output buffer are held.
   */
  async run(): Promise<SessionOutcome> {
    const { input, collector, rewriting } = this;
    for (;;) {
      if (this.#throttling > 0 && !await this.#awaitThrottle()) return this.stopped ?? "drained";
      // Awaited here, not in a function of its own, after whose end others would be resumed before this one has worked.
      if (rewriting.current.unfinished) {
        this.output.release();
        if (this.#resident?.state === "full") await this.#unlessStopped(this.#resident.wait());
        await this.#turns.costly(this.use, this.#isCostly ? this : undefined);
      } else if (this.#turns.over) {
        this.output.release();
        await this.#nextTurn();
      }
      if (this.stopped !== undefined) return this.stopped;
      if (this.#isMoveDue && !await this.#move()) return this.#unavailable;
      if (collector.connection === undefined && this.#isConnectionWanted) {
        if (!await this.#connect()) return this.#unavailable;
        continue;
      }
      this.#atRest = false;
      // Input that is not mapped yet waits unchanged, since the next process may have another expectation.
      if (collector.connection?.lost === true && rewriting.move === undefined && rewriting.rewrites) {
        if (!await collector.resume(collector.connection, NOTHING)) return this.#unavailable;
      }
      const rewriter = rewriting.current;
      const output = this.output.lease();
      let octets: Uint8Array;
      try {
        octets = this.#rewrite(rewriter, output);
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        this.#rejections.broken(error, input.waiting(), this.offset);
        // Only UDP keeps the bounds of the next message.
        if (this.exporter.transport !== "udp") return "rejected";
        this.#skipDatagram();
        continue;
      }
      if (octets.length > 0) {
        if (!await this.#send(rewriter, octets, output)) return this.#unavailable;
      } else if (rewriter.waiting !== undefined && rewriter.consumed === 0) {
        this.output.release();
        await this.#unlessStopped(rewriter.waiting);
      } else if (rewriter.consumed === 0 && !rewriter.unfinished) {
        this.#atRest = true;
        if (rewriting.move !== undefined && rewriting.rewrites) continue;
        const outcome = await this.#receive(rewriter);
        if (outcome !== undefined) return outcome;
      }
    }
  }

  /** Rewrites what has come, or a piece of it. @throws {DecodeError} at a malformed message */
  #rewrite(rewriter: OctetRewriter, output: Uint8Array): Uint8Array {
    const { input } = this;
    const waiting = input.waiting();
    this.#isCostly = rewriter.unfinished;
    const octets = this.#isCostly
      ? this.#turns.spend(this.use, () => rewriter.rewrite(waiting, output, WORK))
      : rewriter.rewrite(waiting, output, LITTLE_WORK);
    if (rewriter.templateChanges > 0) this.#throttling = this.#throttleFor(rewriter.templateChanges);
    // An observing rewriter calls the tap itself, since it relays its input instead of the mediator's output.
    if (rewriter === this.rewriting.mediated) this.#tap?.take(waiting, rewriter.consumed, octets);
    input.consume(rewriter.consumed);
    this.offset += rewriter.consumed;
    return octets;
  }

  /**
   * Writes output to the collector, or to the next one where this one is lost.
   *
   * @param lease the buffer that the output was written to
   * @returns whether there is a connection to go on with
   */
  async #send(rewriter: OctetRewriter, octets: Uint8Array, lease: Uint8Array): Promise<boolean> {
    const { collector } = this;
    const output = this.output.shrinkTo(octets, lease);
    if (collector.connection === undefined && await this.#connectWith(output, rewriter)) return true;
    const { connection } = collector;
    if (connection === undefined) return false;
    // Counted first: a connection that breaks during the write is reported before the write returns.
    connection.expect(output.length, rewriter.producedRecords, rewriter === this.rewriting.mediated);
    let taken = 0;
    try {
      taken = await connection.write(output);
    } catch { /* The next write fails in the same way. */ }
    const waited = taken < output.length;
    if (waited) taken = await collector.writeRest(connection, output, taken);
    if (taken === output.length) connection.take(waited);
    else if (!await collector.resume(connection, output.subarray(wholeMessages(output, taken)))) return false;
    this.output.releaseUnless(lease);
    return true;
  }

  /**
   * Reads what the exporter sends next. Everything but the beginning of a message is delivered.
   *
   * @returns the outcome, if the session is over
   */
  async #receive(rewriter: OctetRewriter): Promise<SessionOutcome | undefined> {
    const { input, exporter, collector } = this;
    // Idle sessions should hold little memory.
    this.output.release();
    const room = this.room.wait(input.missing);
    if (room !== undefined) await room;
    const space = input.space();
    this.room.note(this.rewriting.partial ?? { offset: this.offset, capacity: input.partialCapacity });
    // `stop` was called while nothing was being read or written that it could have interrupted.
    if (this.stopped !== undefined) return this.stopped;
    this.reading = true;
    let length: number | null;
    try {
      length = await exporter.read(space);
    } catch (error) {
      if (error instanceof DecodeError) {
        this.#rejections.broken(error, NOTHING, 0);
        return "rejected";
      }
      return this.stopped ?? (exporter.transport === "udp" ? "evicted" : "reset");
    }
    this.reading = false;
    if (length === null) return this.stopped ?? "closed";
    input.fill(length);
    this.timer.receive();
    if (!this.heard) {
      this.heard = true;
      this.#onHeard?.(this.#id);
    }
    if (this.timer.sinceAnnounced >= this.limits.templateRefresh && collector.connection?.datagrams === true) {
      this.timer.sinceAnnounced = 0;
      rewriter.announce();
    }
    return undefined;
  }

  /**
   * Whether a requested move may be made: where no record is on its way. A session that is observed has no output in the
   * rewriter, and may be at the end of a message at any time.
   */
  get #isMoveDue(): boolean {
    const { move, rewrites } = this.rewriting;
    return move !== undefined && (this.#atRest || this.collector.connection === undefined || !rewrites);
  }

  /** Makes the requested move. Returns whether the session can go on. */
  async #move(): Promise<boolean> {
    const { connection } = this.collector;
    if (connection !== undefined) return await this.collector.move(connection);
    this.rewriting.begin();
    return true;
  }

  /** Connects to the collector for what has come. Returns whether there is a connection. */
  async #connect(): Promise<boolean> {
    if (!await this.collector.connect()) return false;
    // The collector's process, or its expectation, may have changed while it was dialled.
    if (this.rewriting.mediated.outdated) {
      await this.rewriting.prepare();
      this.rewriting.renew();
    }
    return true;
  }

  /**
   * Connects to the collector, for output that waits already.
   *
   * @param rewriter whose output it is
   * @returns whether the output was taken back, because the collector's expectation has changed meanwhile
   */
  async #connectWith(octets: Uint8Array, rewriter: OctetRewriter): Promise<boolean> {
    const { collector, rewriting } = this;
    const isMediated = rewriter === rewriting.mediated;
    if (!await collector.connect()) rewriting.mediated.interrupt(octets);
    else if (collector.connection !== undefined) {
      if (rewriting.move !== undefined) return await collector.resume(collector.connection, octets);
      if (isMediated && rewriting.mediated.outdated) return await collector.beginAnew(collector.connection, octets);
    }
    return false;
  }

  /** The outcome where there is no connection to the collector. */
  get #unavailable(): SessionOutcome {
    return this.stopped ?? "collector_unavailable";
  }

  /**
   * Whether what has come is worth a connection to the collector: a whole message, as thousands may begin one and never
   * end it; over UDP, where anyone can be the sender, none before there is output. What is observed goes out as it comes.
   */
  get #isConnectionWanted(): boolean {
    const { input, exporter, rewriting } = this;
    if (input.length === 0 || rewriting.undecided) return false;
    if (!rewriting.rewrites) return true;
    const hasLength = input.length >= LENGTH_OFFSET + 2;
    return exporter.transport !== "udp" && hasLength && messageLength(input.waiting(), 0) <= input.length;
  }

  #nextTurn(): Promise<void> {
    if (this.exporter.nextTurn !== undefined) return this.exporter.nextTurn();
    const now = this.#clock.now();
    const relayed = this.#relayed ??= new RecentUse(FORGOTTEN);
    relayed.add(this.offset - this.#relayedTo, now);
    this.#relayedTo = this.offset;
    return this.#turns.next(relayed.used(now) > FEW);
  }

  /** What it has used of the time for costly work. */
  get use(): RecentUse {
    return this.#use ??= costlyUse();
  }

  /** Waits for others, or until the session is stopped. */
  #unlessStopped(others: Promise<void>): Promise<void> {
    if (this.stopped !== undefined) return Promise.resolve();
    return new Promise((resolve) => {
      this.#giveUp = resolve;
      void others.then(resolve);
    });
  }

  /** Milliseconds to wait after this many template changes. */
  #throttleFor(changes: number): number {
    const throttle = this.#throttle ??= new TemplateThrottle(this.#clock, this.exporter, this.#report);
    return throttle.note(changes, this.limits.templateChanges);
  }

  /** Waits until more templates may change. Returns false where the session has to end instead. */
  async #awaitThrottle(): Promise<boolean> {
    this.output.release();
    this.#throttled = true;
    if (!this.#leaving && this.stopped === undefined) await this.#throttle?.wait(this.#throttling);
    if (this.#leaving || this.stopped !== undefined) return false;
    this.#throttled = false;
    this.#throttling = 0;
    return true;
  }

  /**
   * Relays until the exporter stops sending; see {@link SessionTimer.drain}.
   *
   * @param leaving whether the proxy is about to end: then nobody waits until more templates may change
   */
  drain(within: number, leaving: boolean): void {
    this.timer.drain(within);
    this.#leaving = leaving;
    if (leaving) this.#throttle?.end();
  }

  /** Skips a malformed message over UDP. The listener has checked that its length is that of its datagram. */
  #skipDatagram(): void {
    const length = messageLength(this.input.waiting(), 0);
    this.input.consume(length);
    this.offset += length;
  }

  /** Drops what has not been sent when the session ends. */
  async dropRemainder(outcome: SessionOutcome): Promise<void> {
    if (outcome === "rejected") return;
    this.#remainder = new Remainder({
      exporter: this.exporter,
      rewriter: this.rewriting.mediated,
      input: this.input,
      output: this.output,
      clock: this.#clock,
      turns: this.#turns,
      use: this.use,
      brief: this.#dismissed,
      report: this.#report,
    });
    if (this.#throttled) this.#remainder.stop();
    const isDrained = outcome === "drained" && this.exporter.transport !== "udp" && !this.#link.connected;
    const isAway = outcome === "collector_unavailable" || (isDrained && this.collector.holding);
    await this.#remainder.drop(isAway);
    this.collector.holding = false;
  }

  /** Counts and reports an incomplete message at the end of the session. */
  discardTail(outcome: SessionOutcome): void {
    if (this.input.length === 0 || outcome === "rejected") return;
    increment(this.rewriting.mediated.counters.messagesRejected, "message_truncated");
    this.#rejections.truncated(this.input.waiting(), this.offset);
  }

  /** Makes {@link run} and {@link dropRemainder} end with this outcome. The caller must end what they wait for. */
  stop(outcome: SessionOutcome): void {
    this.stopped ??= outcome;
    this.#dismissed ||= outcome !== "collector_unavailable";
    this.#throttle?.end();
    this.#giveUp?.();
    this.room.giveUp();
    this.#remainder?.stop();
  }

  /** Releases all memory. */
  release(): void {
    this.rewriting.close();
    this.output.release();
    this.input.release();
    this.room.close();
  }
}
