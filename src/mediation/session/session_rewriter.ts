import type { Counters } from "../templates/counters.ts";
import type { Notify, TemplateOutcome } from "../templates/event.ts";
import type { FirstTemplate } from "../mapping/chain/treatment.ts";
import type { CollectorKnowledge } from "./shared/shared_state.ts";
import type { RoomMaker } from "../templates/template_memory.ts";
import type { TemplateMapping } from "../mapping/template_mapping.ts";

/** Facts about the path to the collector. */
export interface CollectorFacts {
  /** Maximum length in octets of a message to the collector. Over UDP this is the dialect's `maxDatagram`. */
  readonly maxMessageLength?: number;
  /** Whether the collector is reached over UDP, where withdrawals are not sent (RFC 7011 §8.4). */
  readonly datagrams?: boolean;
  /** State that its sessions share; default: the mediator's own. */
  readonly knowledge?: CollectorKnowledge;
  /** The first template, if that decided the collector. */
  readonly decidedBy?: FirstTemplate | undefined;
}

/** Facts about an exporter's transport session, known when it opens. */
export interface SessionFacts extends CollectorFacts {
  /** Exporter's textual address without the port; undefined offline. */
  readonly address?: string;
  readonly certificateName?: string;
  /**
   * Whether the exporter uses TCP or TLS, so that withdrawals apply. False over UDP, where they are ignored (RFC 7011
   * §8.4).
   */
  readonly reliable: boolean;
  /**
   * Returns the port that a message came from, in a session that combines several ports of one address. Called once
   * for each message that is not refused, in order.
   */
  readonly portOf?: (observationDomain: number, sequenceNumber: number, exportTime: number) => number;
  readonly notify?: Notify;
  /** Without it, the session never makes room for the templates of others. */
  readonly roomMaker?: RoomMaker;
}

/** Current state of a session's template. */
export interface TemplateState {
  readonly observationDomain: number;
  readonly template: number;
  readonly targetTemplate: number | undefined;
  readonly outcome: TemplateOutcome;
  readonly detectedProfile?: string;
  readonly mapping?: TemplateMapping;
  /** Data records sent that use the template, including those inside lists of other records (RFC 6313). */
  readonly records: number;
}

/**
 * Rewrites one exporter's octets. Synchronous and free of I/O; the caller drives it:
 *
 * ```ts ignore
 * do {
 *   const octets = rewriter.rewrite(input.subarray(start, end), output);
 *   if (octets.length > 0) await write(octets);
 *   start += rewriter.consumed;
 * } while (rewriter.consumed > 0 || rewriter.produced > 0);
 * // what is left from start to end is the beginning of a message: append what is read next
 * ```
 */
export interface OctetRewriter {
  /** Octets of input that the last {@link rewrite} consumed: whole messages only. */
  readonly consumed: number;
  /** Octets that the last {@link rewrite} returned. */
  readonly produced: number;
  /** Data records in the octets that the last {@link rewrite} returned. */
  readonly producedRecords: number;
  /**
   * Whether the last {@link rewrite} stopped because its work budget was spent. The caller lets others take a turn,
   * then calls it again with the remaining input.
   */
  readonly unfinished: boolean;
  /**
   * Templates that the last {@link rewrite} learnt, replaced or withdrew. A template counts once for every 64 fields or
   * part thereof. Templates refused by a cap and unchanged repetitions do not count.
   */
  readonly templateChanges: number;
  /**
   * Set if the last {@link rewrite} could not continue because an isolated plugin has not answered for a template yet.
   * Resolves when it is worth calling again, within the plugin's timeout, and never rejects.
   */
  readonly waiting: Promise<void> | undefined;
  /**
   * Consumes whole messages from the input while their output fits, and returns whole messages: as many as may go out
   * in one write.
   *
   * If `consumed` and `produced` are both 0 and it is not {@link unfinished}, the input holds no whole message and no
   * output is pending: read more. A call may consume nothing and still return output, namely repeated templates or
   * output of an earlier message that did not fit.
   *
   * @param input starts at the first octet not consumed yet; may end inside a message
   * @param output at least 65535 octets
   * @param work approximate budget in microseconds for work on templates, which cost far more than records; default:
   *   unlimited
   * @returns the octets to send, valid until either buffer is written to: the start of `output` or, if everything goes
   *   out unchanged, the start of `input`, without a copy. The rest of `output` is undefined
   * @throws DecodeError if the first message not consumed is malformed (offset relative to the start of `input`).
   *   Earlier calls have returned the output of everything before it; none of the message goes out, and
   *   `counters.messagesRejected` counts it. On TCP the session is over; on UDP the caller continues with the next
   *   message
   */
  rewrite(input: Uint8Array, output: Uint8Array, work?: number): Uint8Array;
  /** Sends the live templates again before anything else (UDP refresh, RFC 7011 §8.4). */
  announce(): void;
  /**
   * Maps every template again under the current treatments. The collector gets each changed template before the next
   * record that needs it; the current message is finished first. The session's expectations of the collector stay the
   * same: see {@link SessionRewriter.outdated}.
   *
   * @param work as for {@link rewrite}
   * @returns false if the work is used up before it is done: call again, once others have had a turn
   */
  remap(work?: number): boolean;
  /** Releases what the session shares with others (template ids, programs, shares of the caps). */
  close(): void;
}

/**
 * One exporter session. Owns its templates, sequence numbers and counters.
 *
 * At any moment, records received = sent + dropped + {@link heldRecords} + {@link recordsInHand}.
 */
export interface SessionRewriter extends OctetRewriter {
  /**
   * Output of {@link rewrite} counts as sent from the next call on, which implies that the connection has taken it,
   * unless {@link interrupt}, {@link restart}, {@link renew} or {@link discard} is called first.
   */
  readonly counters: Counters;
  /**
   * Data records received that are neither sent nor dropped nor held: those in the last output, or in the rest of a
   * message waiting for room.
   */
  readonly recordsInHand: number;
  /** Data records in messages that a lost connection did not take and that have not been sent again. */
  readonly heldRecords: number;
  /** Octets of the messages counted by {@link heldRecords}. */
  readonly heldOctets: number;
  /** Whether any live template is mapped to something else. */
  readonly skewed: boolean;
  /** Whether the exporter has announced templates, including every one that its data has needed so far. */
  readonly templatesKnown: boolean;
  /**
   * Whether the current treatments expect something else of the collector (profile, dialect), or its current epoch
   * assigns other ids to the templates. {@link renew} adopts both.
   */
  readonly outdated: boolean;
  /**
   * Reports that the connection was lost. What it did not take is held until {@link restart}, {@link renew} or {@link
   * discard}, one of which must come before the next call of {@link rewrite}.
   *
   * @param unsent the whole messages at the end of the last {@link rewrite}'s output that the connection never took;
   *   they are copied, so the caller may reuse the buffer
   */
  interrupt(unsent: Uint8Array): void;
  /**
   * Drops everything that has not been sent: held messages, messages that the connection never took, and the rest of a
   * message waiting for room. Their records are counted as `collector_unavailable`.
   *
   * @param unsent as for {@link interrupt}; default: all of the last output
   * @returns the number of data records dropped
   */
  discard(unsent?: Uint8Array): number;
  /**
   * Returns, once, the octets at the start of the input that belong to a message whose rest {@link discard} or {@link
   * renew} dropped. The next call of {@link rewrite} would consume them: something else that reads the input instead has
   * to begin behind them.
   */
  takeAbandoned(): number;
  /**
   * Begins a new transport session to the collector. Sequence numbers start at 0; the live templates go out first, then
   * what the old connection never took, then new output.
   *
   * @param unsent as for {@link interrupt}, if that was not called. These messages are sent again right after the
   *   templates, with corrected sequence numbers. The templates sent first are those in force before these messages: a
   *   template that is redefined or withdrawn among them is first announced in its earlier form, and changes where it
   *   changed originally. Output not returned by any call yet follows them
   */
  restart(unsent?: Uint8Array): void;
  /**
   * Begins a new transport session to a collector with other expectations: all templates are mapped again and go out
   * first, and sequence numbers start at 0. Unsent output for the previous collector is useless to this one, so it is
   * dropped and counted as `collector_unavailable`.
   *
   * A template whose plugin has not answered is refused: await {@link prepare} first.
   *
   * @param unsent as in {@link restart}
   * @param collector the path to it; default: unchanged
   * @returns the number of data records dropped
   */
  renew(unsent?: Uint8Array, collector?: CollectorFacts): number;
  /**
   * Makes the mappings that {@link renew} and {@link OctetRewriter.remap} need under the current treatments.
   *
   * @param work as for {@link rewrite}
   * @param collector the one that {@link renew} will be given; default: unchanged
   * @returns undefined once all are ready; `unfinished` if the work is used up before; a promise if a plugin has not
   *   answered, which resolves when it is worth calling again
   */
  prepare(work?: number, collector?: CollectorFacts): Promise<void> | "unfinished" | undefined;
  templates(): TemplateState[];
  /**
   * The templates as the exporter announced them, one per message, so that another session that reads them learns the
   * same templates.
   */
  sourceTemplates(): Uint8Array[];
}
