import { DecodeError } from "../../../ipfix/octets/decode_error.ts";
import { decodeMessageHeader, MESSAGE_HEADER_LENGTH } from "../../../ipfix/message/message_header.ts";
import type { OctetRewriter, SessionRewriter } from "../../../mediation/session/session_rewriter.ts";
import type { BufferPool } from "../../memory/buffer_pool.ts";
import type { MessageMemory } from "../../memory/message_memory.ts";
import type { PartialMessage } from "../message_room.ts";
import { messageLength, wholeMessages } from "../../transport/message_walk.ts";
import { OUTPUT_OCTETS } from "../../memory/output_buffer.ts";
import { ReadBuffer } from "../../memory/read_buffer.ts";
import type { RewriterTap } from "./rewriter_tap.ts";

/**
 * Called with the malformed message that ended the observation.
 *
 * @param offset where the message began in the exporter's stream; the error's offset is relative to that
 * @param octets the message, as far as it has arrived
 */
export type OnBroken = (error: DecodeError, offset: number, octets: Uint8Array) => void;

/** Octets at the start of a message that contain its length. */
const LENGTH_END = 4;
const NOTHING = new Uint8Array(0);

/** What an {@link ObservingRewriter} is made of. */
export interface ObservingOptions {
  readonly pool: BufferPool;
  /** Counts the buffer of the message that is incomplete. */
  readonly memory?: MessageMemory;
  /** Whether there is room for this many octets; false: the observation has ended. */
  readonly hasRoom?: (octets: number) => boolean;
  /**
   * Whether to relay whole messages only, as the transport takes no others. A malformed message then cannot be relayed.
   */
  readonly wholeMessages: () => boolean;
  readonly onBroken: OnBroken;
  /** Sees what is observed, and what it was rewritten to. */
  readonly tap?: RewriterTap | undefined;
  /** Messages to send first: the exporter's templates, if it sent them over an earlier connection. */
  readonly prelude?: readonly Uint8Array[];
  /** Octets at the start of the input that are not relayed: a message that was dropped before. */
  readonly skipped?: number;
}

/**
 * Relays every octet unchanged, whether messages are complete or not, and runs a rewriter alongside for its reports,
 * whose output is discarded (`mode: observe`). A malformed message ends the observation, not the relay.
 */
export class ObservingRewriter implements OctetRewriter {
  consumed = 0;
  produced = 0;
  producedRecords = 0;
  unfinished = false;
  templateChanges = 0;
  readonly #observed: SessionRewriter;
  readonly #pool: BufferPool;
  readonly #options: ObservingOptions;
  #prelude: readonly Uint8Array[];
  #skipped: number;
  /** Set while a template of the observed session waits for a plugin's answer: nothing is relayed past it. */
  waiting: Promise<void> | undefined;
  /** Whether to relay only up to the end of a message from now on. */
  #finishing = false;
  /**
   * A copy of the octets of the message that is incomplete. Undefined once a malformed message has ended the
   * observation.
   */
  #input: ReadBuffer | undefined;
  #offset = 0;

  constructor(observed: SessionRewriter, options: ObservingOptions) {
    this.#observed = observed;
    this.#options = options;
    this.#pool = options.pool;
    this.#prelude = options.prelude ?? [];
    this.#skipped = options.skipped ?? 0;
    this.#input = new ReadBuffer(options.pool, options.memory);
  }

  /**
   * Relays no further than to the end of a message from now on.
   *
   * @returns whether the relayed octets end with a complete message; undefined if that is unknown because a malformed
   *   one was relayed
   */
  finish(): boolean | undefined {
    this.#finishing = true;
    return this.#input === undefined ? undefined : this.#input.length === 0 && this.#prelude.length === 0;
  }

  rewrite(input: Uint8Array, output: Uint8Array, work?: number): Uint8Array {
    this.templateChanges = 0;
    this.waiting = undefined;
    if (this.#putPrelude(output)) return output.subarray(0, this.produced);
    if (this.#skipped > 0) return this.#skip();
    const wholeOnly = this.#options.wholeMessages();
    if (wholeOnly && input.length >= MESSAGE_HEADER_LENGTH) decodeMessageHeader(input);
    const most = Math.min(input.length, output.length);
    const length = wholeOnly ? wholeMessages(input, most) : this.#finishing ? this.#toBoundary(input, most) : most;
    const before = this.#observed.counters.recordsReceived;
    const taken = this.#observe(input.subarray(0, length), wholeOnly, work);
    this.consumed = this.produced = taken;
    this.producedRecords = this.#observed.counters.recordsReceived - before;
    return input.subarray(0, taken);
  }

  #putPrelude(output: Uint8Array): boolean {
    if (this.#prelude.length === 0) return false;
    this.consumed = this.produced = this.producedRecords = 0;
    let messages = 0;
    for (const message of this.#prelude) {
      if (this.produced + message.length > output.length) break;
      output.set(message, this.produced);
      this.produced += message.length;
      messages++;
    }
    this.#prelude = this.#prelude.slice(messages);
    return true;
  }

  #skip(): Uint8Array {
    this.consumed = this.#skipped;
    this.produced = this.producedRecords = 0;
    this.#offset += this.#skipped;
    this.#skipped = 0;
    return NOTHING;
  }

  /** Octets of the input up to the end of a message, as far as they have arrived. */
  #toBoundary(input: Uint8Array, most: number): number {
    const begun = this.#input?.waiting() ?? NOTHING;
    if (begun.length === 0) return wholeMessages(input, most);
    if (begun.length < LENGTH_END) return Math.min(most, LENGTH_END - begun.length);
    return Math.min(most, messageLength(begun, 0) - begun.length);
  }

  /**
   * Lets the observed rewriter have the octets.
   *
   * @param wholeOnly whether the octets are whole messages, and those taken have to be as well
   * @returns how many it took: fewer where its work is used up, which then goes on in the next call
   */
  #observe(octets: Uint8Array, wholeOnly: boolean, work: number | undefined): number {
    const scratch = this.#pool.lease(OUTPUT_OCTETS);
    try {
      if (this.unfinished && !this.#observeWaiting(scratch, work)) return 0;
      let start = 0;
      for (let end = 0; start < octets.length && this.#input !== undefined;) {
        if (start === end) end = wholeOnly ? start + messageLength(octets, start) : octets.length;
        const { missing } = this.#input;
        if (missing > 0 && this.#options.hasRoom?.(missing) === false) break;
        const space = this.#input.space();
        const part = octets.subarray(start, Math.min(end, start + space.length));
        space.set(part);
        this.#input.fill(part.length);
        start += part.length;
        if (!this.#observeWaiting(scratch, work)) return start;
      }
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#options.onBroken(error, this.#offset, this.#input?.waiting() ?? octets);
      this.#forget();
    } finally {
      this.#pool.release(scratch);
    }
    return octets.length;
  }

  /** Returns false if its work is used up before all is observed. */
  #observeWaiting(scratch: Uint8Array, work: number | undefined): boolean {
    this.unfinished = false;
    const input = this.#input;
    if (input === undefined) return true;
    do {
      const waiting = input.waiting();
      const rewritten = this.#observed.rewrite(waiting, scratch, work);
      this.#options.tap?.take(waiting, this.#observed.consumed, rewritten);
      input.consume(this.#observed.consumed);
      this.#offset += this.#observed.consumed;
      this.templateChanges += this.#observed.templateChanges;
      this.waiting = this.#observed.waiting;
      if (this.waiting !== undefined) {
        this.unfinished = true;
        return false;
      }
      // Each call has all of its work anew, so that one which has used some of it is the last.
      if (work !== undefined && (this.#observed.unfinished || this.templateChanges > 0)) {
        this.unfinished = true;
        return false;
      }
    } while (this.#observed.consumed > 0 || this.#observed.produced > 0);
    return true;
  }

  /** Whether a malformed message has ended the observation. */
  get ended(): boolean {
    return this.#input === undefined;
  }

  /** The message that is incomplete. */
  get partial(): PartialMessage {
    return { offset: this.#offset, capacity: this.#input?.partialCapacity ?? 0 };
  }

  announce(): void {}

  /** The relayed octets do not depend on the mapping, so nothing has to be sent again. */
  remap(work?: number): boolean {
    if (!this.#observed.outdated) return this.#observed.remap(work);
    if (this.#observed.prepare(work) === "unfinished") return false;
    this.#observed.renew();
    return true;
  }

  /** Has the observed rewriter count its last output as sent: the octets that it came of were relayed. */
  settle(): void {
    this.#observed.interrupt(NOTHING);
  }

  close(): void {
    this.settle();
    this.release();
    this.#observed.close();
  }

  /** Ends the observation. The observed rewriter stays open. */
  release(): void {
    this.#forget();
  }

  #forget(): void {
    this.#input?.release();
    this.#input = undefined;
  }
}
