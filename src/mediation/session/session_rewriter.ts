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
 * One exporter session's octets in, the collector's octets out. Owns the session's templates, sequence numbers and counters.
 * Synchronous and without I/O; the caller drives it:
 *
 * ```ts ignore
 * do {
 *   const octets = session.rewrite(input.subarray(start, end), output);
 *   if (octets.length > 0) await write(octets);
 *   start += session.consumed;
 * } while (session.consumed > 0 || session.produced > 0);
 * // what is left from start to end is the beginning of a message: read more behind it
 * ```
 */
export interface SessionRewriter {
  /** Octets of the input that the last {@link rewrite} took: whole messages only. */
  readonly consumed: number;
  /** Octets that the last {@link rewrite} gave out. */
  readonly produced: number;
  /** Data records among them. */
  readonly producedRecords: number;
  readonly counters: Counters;
  /** Whether any live template's mapping is not the identity. */
  readonly skewed: boolean;

  /**
   * Takes whole messages from the input for as long as their output fits, and gives out whole messages: as many as may go in one write.
   *
   * With `consumed` and `produced` both 0, the input holds no whole message and nothing waits: read more.
   * A call may take nothing and yet produce: output of an earlier message that did not fit, or replayed templates.
   *
   * @param input from the first octet not consumed yet; may end inside a message
   * @param output at least 65535 octets
   * @returns what goes out, valid until either buffer is written to: the start of the output, or where all goes out as it came, the
   *   start of the input, without a copy; what the output holds otherwise means nothing
   * @throws DecodeError when the first message not consumed is broken (offset counted from the start of `input`); all before it
   *   has been given out by earlier calls, nothing of it goes out. It is counted in `counters.messagesRejected`. On TCP the session is over; on UDP the caller goes
   *   on behind the message.
   */
  rewrite(input: Uint8Array, output: Uint8Array): Uint8Array;
  /**
   * A new transport session to the collector: sequence numbers count from 0, the live templates go out first, then what was
   * unsent, then on.
   *
   * @param unsent whole messages at the end of what the last {@link rewrite} produced that the old connection never took. They go
   *   out again right behind the templates, their sequence numbers put right; copied, so the caller may reuse the octets. The
   *   templates sent first are those that stood before these messages: one that is redefined or withdrawn among them is
   *   announced as it was before, and changes where it changed. What a call produced nothing of yet waits behind them.
   */
  restart(unsent?: Uint8Array): void;
  /** The live templates go out again before anything else (UDP refresh, RFC 7011 §8.4). */
  announce(): void;
  /**
   * Maps every template again by the treatments that hold now. What comes out as something else is announced to the collector before
   * the next record that needs it; a message in hand is finished first. Does not change what the collector expects: see
   * {@link outdated}.
   */
  remap(): void;
  /** Whether the treatments that hold now expect something else of the collector (profile, dialect): {@link renew} takes that up. */
  readonly outdated: boolean;
  /**
   * A new transport session to a collector that expects something else: all templates are mapped again and go out first, sequence
   * numbers count from 0. What was made for the one before and did not go out is of no use to it: dropped, and counted as
   * `collector_unavailable`.
   *
   * @param unsent as in {@link restart}
   * @param collector the way to it; missing: as it was
   * @returns how many data records were dropped
   */
  renew(unsent?: Uint8Array, collector?: CollectorFacts): number;
  templates(): TemplateState[];
  /** The templates as the exporter announced them, a message each: another session that is given them knows as much as this one. */
  sourceTemplates(): Uint8Array[];
  /** Gives back what the session holds in common with others (shared template ids, programs, counts against caps). */
  close(): void;
}
