import { DecodeError } from "../../../ipfix/octets/decode_error.ts";
import type { MessagePlan } from "./message_plan.ts";
import type { Step } from "../../mapping/chain/steps.ts";
import type { MessageReader } from "./message_reader.ts";
import type { MessageSource } from "./message_source.ts";
import type { SessionEvents } from "../session_events.ts";
import type { SessionTemplates } from "../intake/session_templates.ts";

/** Work that a call may still do before others have a turn, in units of about a microsecond. */
export interface Work {
  left: number;
}

/** {@link Work} for undoing one change of a template. */
const UNDO_COST = 2;

/**
 * One message that is read over several calls if its templates need them. Until all of it is read, its changes can be
 * undone.
 */
export class MessageReading {
  readonly #templates: Pick<SessionTemplates, "undoLog">;
  readonly #events: Pick<SessionEvents, "rollBack">;
  readonly #source: MessageSource;
  readonly #steps: Generator<Step, MessagePlan>;
  /** Set if {@link proceed} returned because it has to wait, not because the work was used up. */
  waiting: Promise<void> | undefined;
  /** Why the message is refused; its changes are being taken back. */
  #error: DecodeError | undefined;
  /** Where the message began when that was found. */
  #refusedAt = 0;

  constructor(
    reader: MessageReader,
    source: MessageSource,
    templates: Pick<SessionTemplates, "undoLog">,
    events: Pick<SessionEvents, "rollBack">,
  ) {
    this.#source = source;
    this.#steps = reader.steps(source);
    this.#templates = templates;
    this.#events = events;
  }

  /**
   * Reads on, from the octets of `source`, which may lie elsewhere than before.
   *
   * @returns undefined if the work was used up before the message ended, or others have to end theirs first
   * @throws DecodeError for a message that is refused whole, once all of it has been taken back
   */
  proceed(source: MessageSource, work: Work): MessagePlan | undefined {
    Object.assign(this.#source, source);
    this.waiting = undefined;
    while (this.#error === undefined && work.left > 0) {
      try {
        const step = this.#steps.next();
        if (step.done === true) return step.value;
        if (typeof step.value !== "number") {
          this.waiting = step.value;
          return undefined;
        }
        work.left -= step.value;
      } catch (error) {
        if (!(error instanceof DecodeError)) {
          this.abandon();
          throw error;
        }
        this.#error = error;
        this.#refusedAt = this.#source.start;
      }
    }
    if (this.#error === undefined) return undefined;
    const { undoLog } = this.#templates;
    const undone = undoLog.rollBack(Math.max(1, work.left / UNDO_COST));
    work.left -= undone * UNDO_COST;
    if (undoLog.pending) return undefined;
    this.#events.rollBack();
    throw shifted(this.#error, source.start - this.#refusedAt);
  }

  /** Undoes all changes of the message. */
  abandon(): void {
    // Ends what a step has begun.
    this.#steps.return(undefined as never);
    this.#templates.undoLog.rollBack();
    this.#events.rollBack();
  }
}

/** The error with its offset moved by this many octets. */
function shifted(error: DecodeError, octets: number): DecodeError {
  const { reason, what, offset, extent } = error;
  return octets === 0 ? error : new DecodeError(reason, what, offset + octets, extent);
}
