import type {
  CollectorFacts,
  OctetRewriter,
  SessionRewriter,
  TemplateState,
} from "../../../mediation/session/session_rewriter.ts";
import { Counters, sumOf } from "../../../mediation/templates/counters.ts";
import type { BufferPool } from "../../memory/buffer_pool.ts";
import type { MessageMemory } from "../../memory/message_memory.ts";
import type { MessageRoom, PartialMessage } from "../message_room.ts";
import type { ProxyCounters } from "../../reporting/proxy_counters.ts";
import type { ReportOfSession } from "../../reporting/proxy_event.ts";
import { ObservingRewriter } from "./observing_rewriter.ts";
import type { Rejections } from "../rejections.ts";
import type { RewriterTap } from "./rewriter_tap.ts";
import { type SessionDecision, UndecidedRewriter } from "./undecided_rewriter.ts";
import { type SessionMove, type SessionParts, WORK } from "../session_parts.ts";
import { costlyUse, type Turns } from "../../time/turns.ts";

/**
 * Chooses what produces a session's output, and replaces it when the collector, what is expected of it, or the mode has
 * changed. A change that {@link request} asks for is made by {@link begin}, with the next transport session to the
 * collector.
 */
export class RewriterSwitch {
  /** The mediator's rewriter, which lives as long as the session. */
  readonly mediated: SessionRewriter;
  /**
   * What produces the output: the mediator's rewriter, or in `mode: observe` a relay that runs it alongside. While that
   * is undecided, neither does.
   */
  current: OctetRewriter;
  /** The change that was asked for, until it is made. */
  move: SessionMove | undefined;
  /** What was counted in the other mode, or in this one before it. */
  #rewritten: Counters | undefined;
  #observed: Counters | undefined;
  readonly #tap: RewriterTap | undefined;
  readonly #pool: BufferPool;
  readonly #memory: MessageMemory;
  readonly #room: MessageRoom;
  /** Returns what holds now of the collector. */
  readonly collectorFacts: () => CollectorFacts;
  readonly #counters: ProxyCounters;
  readonly #report: ReportOfSession;
  readonly #turns: Turns;
  readonly #rejections: Rejections;
  readonly #wholeMessages: () => boolean;

  /** @param wholeMessages whether the connection to the collector takes whole messages only */
  constructor(parts: SessionParts, rejections: Rejections, room: MessageRoom, wholeMessages: () => boolean) {
    this.mediated = parts.rewriter;
    this.#tap = parts.tap;
    this.#pool = parts.pool;
    this.#memory = parts.memory;
    this.#room = room;
    this.collectorFacts = parts.collectorFacts;
    this.#counters = parts.counters;
    this.#report = parts.report;
    this.#turns = parts.turns;
    this.#rejections = rejections;
    this.#wholeMessages = wholeMessages;
    this.current = parts.decision !== undefined
      ? new UndecidedRewriter(parts.rewriter, parts.pool, parts.decision)
      : parts.observe
      ? this.#observing()
      : parts.rewriter;
  }

  /** Whether the output is what the mediator's rewriter makes of the input, not the input as it came. */
  get rewrites(): boolean {
    return !(this.current instanceof ObservingRewriter);
  }

  /** Whether it takes the first template to know which collector the output is for. */
  get undecided(): boolean {
    return this.current instanceof UndecidedRewriter && this.move === undefined;
  }

  /** Waits for the first template, in a session without a connection, if none is there. */
  undecide(decision: SessionDecision): void {
    if (this.mediated.templates().length > 0) return;
    if (this.current instanceof ObservingRewriter) this.current.release();
    this.move = undefined;
    this.current = new UndecidedRewriter(this.mediated, this.#pool, decision);
  }

  /** Whether the session is only observed, or will be with the change that was asked for. */
  get observes(): boolean {
    return this.move?.observe ?? !this.rewrites;
  }

  /** Whether all templates that the exporter's data needs are known. */
  get templatesKnown(): boolean {
    const isBlind = this.current instanceof ObservingRewriter && this.current.ended;
    return !isBlind && this.mediated.templatesKnown;
  }

  /** Asks for a change. Of two, the later one counts. */
  request(move: SessionMove): void {
    // Output that the earlier one would have discarded is still of no use.
    this.move = { ...move, renew: move.renew || this.move?.renew === true };
  }

  /** Maps the templates in turns where the next {@link begin} or {@link renew} is for another collector. */
  async prepare(): Promise<void> {
    const use = costlyUse();
    while (this.move?.renew === true || (this.rewrites && this.mediated.outdated)) {
      await this.#turns.costly(use);
      const pending = this.#turns.spend(use, () => this.mediated.prepare(WORK, this.move?.collector));
      if (pending === undefined) return;
      if (pending !== "unfinished") await pending;
    }
  }

  /**
   * Ends the relay of an observed session with a whole message, so that something else can follow.
   *
   * @returns whether all that was relayed are whole messages; undefined if that is unknown, because a malformed one was
   *   relayed
   */
  finishObserving(): boolean | undefined {
    return this.current instanceof ObservingRewriter ? this.current.finish() : true;
  }

  /**
   * Begins a transport session to the collector: first the templates in use, then the messages that the previous one
   * did not take. Makes the change that was asked for.
   */
  begin(): void {
    const { move } = this;
    this.move = undefined;
    const isOutdated = this.rewrites && this.mediated.outdated;
    if (move?.renew === true && this.current instanceof ObservingRewriter) this.current.settle();
    if (move?.renew === true || isOutdated) this.renew(move?.collector);
    else if (this.rewrites) this.mediated.restart();
    if (move !== undefined) {
      if (move.observe === this.rewrites) this.#keepCounts();
      if (this.current instanceof ObservingRewriter) this.current.release();
      this.current = move.observe
        ? this.#observing(this.mediated.sourceTemplates(), this.mediated.takeAbandoned())
        : this.mediated;
    }
    this.#counters.replayedTemplates += this.mediated.templates().filter(isAnnounced).length;
  }

  /** What was counted while octets were relayed unchanged, or else what was while they were rewritten. */
  countersOf(observed: boolean): Counters | undefined {
    const kept = observed ? this.#observed : this.#rewritten;
    if (observed === this.rewrites) return kept;
    return kept === undefined ? this.mediated.counters : sumOf(kept, this.mediated.counters);
  }

  /** The mode changes: what was counted stays with the mode in which it was counted. */
  #keepCounts(): void {
    const { counters } = this.mediated;
    if (counters.messagesReceived === 0 && counters.names === 0) return;
    const kept = this.rewrites ? this.#rewritten ??= new Counters() : this.#observed ??= new Counters();
    counters.moveTo(kept);
  }

  /**
   * Discards the lost values that were counted in an earlier mode. The rewriter's own are discarded when its counters
   * are read.
   */
  forgetLostValues(): void {
    this.#rewritten?.forgetLostValues();
    this.#observed?.forgetLostValues();
  }

  /** Maps the templates for a collector with other expectations. What was rewritten for the previous one is dropped. */
  renew(collector = this.collectorFacts()): void {
    const octets = this.mediated.heldOctets;
    const records = this.mediated.renew(undefined, collector);
    if (records === 0) return;
    const message =
      `dropped ${records} records that were rewritten for the previous collector: the current one cannot read them`;
    this.#report("warning", "held_octets_discarded", message, { octets, records });
  }

  /**
   * The incomplete message of an observed session, of which the relay keeps a copy; undefined: the session is not
   * observed.
   */
  get partial(): PartialMessage | undefined {
    return this.current instanceof ObservingRewriter ? this.current.partial : undefined;
  }

  /** Ends the observation, because a message takes too long to arrive. Returns false if there is none. */
  giveUpObserving(): boolean {
    if (!(this.current instanceof ObservingRewriter)) return false;
    this.#rejections.observationGivenUp();
    this.current.release();
    return true;
  }

  close(): void {
    this.#tap?.close();
    this.current.close();
  }

  #observing(prelude: readonly Uint8Array[] = [], skipped = 0): ObservingRewriter {
    return new ObservingRewriter(this.mediated, {
      pool: this.#pool,
      memory: this.#memory,
      // A wait would hold up the relay, and for ever where the session's own input buffer takes what there is.
      hasRoom: (octets) => this.#room.has(octets) || !this.giveUpObserving(),
      wholeMessages: this.#wholeMessages,
      onBroken: (error, offset, octets) => this.#rejections.observationEnded(error, octets, offset),
      tap: this.#tap,
      prelude,
      skipped,
    });
  }
}

function isAnnounced({ targetTemplate }: TemplateState): boolean {
  return targetTemplate !== undefined;
}
