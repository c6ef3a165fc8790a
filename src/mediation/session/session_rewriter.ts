import type { Counters } from "../templates/counters.ts";
import type { Notify, TemplateOutcome } from "../templates/event.ts";
import type { TemplateMapping } from "../mapping/template_mapping.ts";

/** What the mediator is told of the way to the collector. */
export interface CollectorFacts {
  /** Octets of the largest message towards the collector; the dialect's maxDatagram where that is reached over UDP. */
  readonly maxMessageLength?: number;
  /** The collector is reached over UDP: withdrawals do not go there (RFC 7011 §8.4). */
  readonly datagrams?: boolean;
}

/** What the mediator is told of a transport session when it opens. */
export interface SessionFacts extends CollectorFacts {
  /** Exporter's textual address without port; undefined offline. */
  readonly address?: string;
  readonly certificateName?: string;
  /** TCP or TLS: withdrawals apply. False: UDP, they are ignored (RFC 7011 §8.4). */
  readonly reliable: boolean;
  readonly notify?: Notify;
}

/** A template as it stands in a session now. */
export interface TemplateState {
  readonly observationDomain: number;
  readonly template: number;
  readonly targetTemplate: number | undefined;
  readonly outcome: TemplateOutcome;
  readonly detectedProfile?: string;
  readonly mapping?: TemplateMapping;
  /** Data records that went out by it, those inside lists of other records (RFC 6313) among them. */
  readonly records: number;
}

/**
 * Octets in, octets out. Synchronous and without I/O; the caller drives it:
 *
 * ```ts ignore
 * do {
 *   const octets = rewriter.rewrite(input.subarray(start, end), output);
 *   if (octets.length > 0) await write(octets);
 *   start += rewriter.consumed;
 * } while (rewriter.consumed > 0 || rewriter.produced > 0);
 * // what is left from start to end is the beginning of a message: read more behind it
 * ```
 */
export interface OctetRewriter {
  /** Octets of the input that the last {@link rewrite} took: whole messages only. */
  readonly consumed: number;
  /** Octets that the last {@link rewrite} gave out. */
  readonly produced: number;
  /** Data records among them. */
  readonly producedRecords: number;
  /**
   * Whether the last {@link rewrite} stopped for its work: the caller gives others a turn and calls it again, with the same input
   * behind what was consumed.
   */
  readonly unfinished: boolean;
  /**
   * Templates that the last {@link rewrite} took, replaced or withdrew; one of more than 64 fields counts once for each 64 that it has
   * or begins. What a cap kept out does not count, nor does a template that came again as it was.
   */
  readonly templateChanges: number;
  /**
   * Where the last {@link rewrite} could not go on because a plugin in a process of its own has not answered for a
   * template: resolves when it is worth calling again. It is bounded by the plugin's timeout and never rejects.
   */
  readonly waiting: Promise<void> | undefined;
  /**
   * Takes whole messages from the input for as long as their output fits, and gives out whole messages: as many as may go in one write.
   *
   * With `consumed` and `produced` both 0 and not {@link unfinished}, the input holds no whole message and nothing waits: read more. A call may take nothing
   * and yet give something out: output of an earlier message that did not fit, or templates that are sent again.
   *
   * @param input from the first octet not consumed yet; may end inside a message
   * @param output at least 65535 octets
   * @param work roughly how many microseconds the call may take with templates, which cost far more than records; missing: as many
   *   as there are
   * @returns what goes out, valid until either buffer is written to: the start of the output or, where everything goes out as it
   *   came in, the start of the input, without a copy. The rest of the output holds nothing of use
   * @throws DecodeError when the first message not consumed is broken (offset counted from the start of `input`). Earlier calls
   *   have given out all that came before it; nothing of it goes out, and `counters.messagesRejected` counts it. On TCP the session is over; on
   *   UDP the caller goes on behind the message
   */
  rewrite(input: Uint8Array, output: Uint8Array, work?: number): Uint8Array;
  /** Sends the live templates again before anything else (UDP refresh, RFC 7011 §8.4). */
  announce(): void;
  /**
   * Maps every template again by the treatments that hold now. The collector gets each changed template before the next record
   * that needs it; a message in hand is finished first. What is expected of the collector stays the same: see
   * {@link SessionRewriter.outdated}.
   */
  remap(): void;
  /** Releases what the session shares with others (template ids, programs, counts against caps). */
  close(): void;
}

/**
 * One exporter session. Owns its templates, sequence numbers and counters.
 *
 * At any moment, records received = sent + dropped + {@link heldRecords} + {@link recordsInHand}.
 */
export interface SessionRewriter extends OctetRewriter {
  /**
   * What a call of {@link rewrite} gave out counts as sent from the next call on, which says that the connection has taken it; unless
   * {@link interrupt}, {@link restart}, {@link renew} or {@link discard} says otherwise.
   */
  readonly counters: Counters;
  /** Data records received that are neither sent nor dropped nor held: in the last output, or in the rest of a message that waits for room. */
  readonly recordsInHand: number;
  /** Data records in messages that a lost connection did not take and that have not gone out again. */
  readonly heldRecords: number;
  /** Octets of these messages. */
  readonly heldOctets: number;
  /** Whether the mapping of any live template is not the identity. */
  readonly skewed: boolean;
  /** Whether the exporter has announced templates, and every one that its data so far needs. */
  readonly templatesKnown: boolean;
  /**
   * Whether the treatments that hold now expect something else of the collector (profile, dialect), or its present epoch gives other
   * ids to the templates: {@link renew} adopts that.
   */
  readonly outdated: boolean;
  /**
   * The connection was lost. What it did not take is held, until {@link restart}, {@link renew} or {@link discard}; one of these has to
   * come before the next call of {@link rewrite}.
   *
   * @param unsent whole messages at the end of what the last {@link rewrite} produced that the connection never took; copied, so the
   *   caller may reuse the octets
   */
  interrupt(unsent: Uint8Array): void;
  /**
   * Drops what has not gone out: what is held, the messages that the connection never took, and the rest of a message that waits for
   * room. The records are counted as `collector_unavailable`.
   *
   * @param unsent as for {@link interrupt}; by default all of the last output
   * @returns how many data records were dropped
   */
  discard(unsent?: Uint8Array): number;
  /**
   * Begins a new transport session to the collector: sequence numbers count from 0, the live templates go out first, then what the
   * old connection never took, then what comes next.
   *
   * @param unsent as for {@link interrupt}, where that was not called. These messages go out again right behind the templates, with
   *   corrected sequence numbers. The templates sent first are those that stood before these messages: one that is redefined or
   *   withdrawn among them is announced as it was before, and changes where it changed. Output that no call has given out yet
   *   waits behind them
   */
  restart(unsent?: Uint8Array): void;
  /**
   * Begins a new transport session to a collector that expects something else: all templates are mapped again and go out first,
   * sequence numbers count from 0. Output for the collector before that did not go out is of no use to this one: it is dropped,
   * and counted as `collector_unavailable`.
   *
   * A template whose plugin has not answered is refused: await {@link prepare} first.
   *
   * @param unsent as in {@link restart}
   * @param collector the way to it; missing: as before
   * @returns how many data records were dropped
   */
  renew(unsent?: Uint8Array, collector?: CollectorFacts): number;
  /**
   * Asks the plugins for the mappings that {@link renew} and {@link OctetRewriter.remap} need by the treatments that hold now.
   *
   * @returns resolves once they are there, or have failed; undefined: they are there
   */
  prepare(): Promise<void> | undefined;
  templates(): TemplateState[];
  /** The templates as the exporter announced them, a message each: another session that reads them knows as much as this one. */
  sourceTemplates(): Uint8Array[];
}
