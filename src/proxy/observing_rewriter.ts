import { DecodeError } from "../ipfix/decode_error.ts";
import { decodeMessageHeader, MESSAGE_HEADER_LENGTH } from "../ipfix/message_header.ts";
import type { Counters } from "../mediation/counters.ts";
import type { SessionRewriter, TemplateState } from "../mediation/session_rewriter.ts";
import type { BufferPool } from "./buffer_pool.ts";
import { wholeMessages } from "./message_walk.ts";
import { OUTPUT_OCTETS } from "./output_octets.ts";
import { ReadBuffer } from "./read_buffer.ts";

/**
 * Told of the message that ended the observing.
 *
 * @param offset where the message began in the exporter's stream; the error's own offset counts from there
 * @param octets the message, as far as it is there
 */
export type OnBroken = (error: DecodeError, offset: number, octets: Uint8Array) => void;

/**
 * `mode: observe`: every octet goes out as it came in, whole messages or not, and a rewriter runs beside for its reports; what it
 * gives out is thrown away. A broken message ends the observing, not the relay.
 */
export class ObservingRewriter implements SessionRewriter {
  consumed = 0;
  produced = 0;
  producedRecords = 0;
  readonly #observed: SessionRewriter;
  readonly #pool: BufferPool;
  readonly #datagrams: boolean;
  readonly #onBroken: OnBroken;
  /** The octets again, as far as they are not a whole message yet. Undefined once a broken message has ended the observing. */
  #input: ReadBuffer | undefined;
  #offset = 0;

  /** @param datagrams relay whole messages only: each becomes a datagram, so that broken ones cannot be relayed */
  constructor(observed: SessionRewriter, pool: BufferPool, datagrams: boolean, onBroken: OnBroken) {
    this.#observed = observed;
    this.#pool = pool;
    this.#datagrams = datagrams;
    this.#onBroken = onBroken;
    this.#input = new ReadBuffer(pool);
  }

  get counters(): Counters {
    return this.#observed.counters;
  }

  get skewed(): boolean {
    return this.#observed.skewed;
  }

  rewrite(input: Uint8Array, output: Uint8Array): void {
    if (this.#datagrams && input.length >= MESSAGE_HEADER_LENGTH) decodeMessageHeader(input);
    const most = Math.min(input.length, output.length);
    const length = this.#datagrams ? wholeMessages(input, most) : most;
    const octets = input.subarray(0, length);
    output.set(octets);
    this.consumed = this.produced = length;
    const before = this.counters.recordsReceived;
    this.#observe(octets);
    this.producedRecords = this.counters.recordsReceived - before;
  }

  #observe(octets: Uint8Array): void {
    const scratch = this.#pool.lease(OUTPUT_OCTETS);
    try {
      for (let start = 0; start < octets.length && this.#input !== undefined;) {
        const space = this.#input.space();
        const part = octets.subarray(start, start + space.length);
        space.set(part);
        this.#input.fill(part.length);
        start += part.length;
        do {
          this.#observed.rewrite(this.#input.waiting(), scratch);
          this.#input.consume(this.#observed.consumed);
          this.#offset += this.#observed.consumed;
        } while (this.#observed.consumed > 0 || this.#observed.produced > 0);
      }
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#onBroken(error, this.#offset, this.#input?.waiting() ?? octets);
      this.#forget();
    } finally {
      this.#pool.release(scratch);
    }
  }

  /** Never called: what was relayed untouched cannot be told apart from what was not, so such a session ends with its collector. */
  restart(): void {
    throw new Error("a session that is only observed cannot be taken up again");
  }

  announce(): void {}

  templates(): TemplateState[] {
    return this.#observed.templates();
  }

  close(): void {
    this.#forget();
    this.#observed.close();
  }

  #forget(): void {
    this.#input?.release();
    this.#input = undefined;
  }
}
