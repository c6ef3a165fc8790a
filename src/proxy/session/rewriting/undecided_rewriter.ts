import { DecodeError } from "../../../ipfix/octets/decode_error.ts";
import { nextMessageLength } from "../../../ipfix/message/framing.ts";
import type { FirstTemplate } from "../../../mediation/mapping/chain/treatment.ts";
import type { OctetRewriter, SessionRewriter } from "../../../mediation/session/session_rewriter.ts";
import type { BufferPool } from "../../memory/buffer_pool.ts";
import { OUTPUT_OCTETS } from "../../memory/output_buffer.ts";

/** How a session is decided by its first template. */
export interface SessionDecision {
  /** Returns what the first template of a whole message gives away. */
  readonly read: (message: Uint8Array) => FirstTemplate | "malformed" | undefined;
  /** Called once. Has to ask the session to move. */
  readonly decide: (first: FirstTemplate) => void;
}

/**
 * Stands in for the rewriter of a session that goes to one collector or another by its first template, and takes
 * nothing from there on. Messages before it go nowhere: no collector can read data whose template it does not know.
 * Their records are counted as dropped.
 */
export class UndecidedRewriter implements OctetRewriter {
  consumed = 0;
  readonly produced = 0;
  readonly producedRecords = 0;
  unfinished = false;
  readonly templateChanges = 0;
  readonly waiting = undefined;
  readonly #mediated: SessionRewriter;
  readonly #pool: BufferPool;
  readonly #decision: SessionDecision;
  #decided = false;

  constructor(mediated: SessionRewriter, pool: BufferPool, decision: SessionDecision) {
    this.#mediated = mediated;
    this.#pool = pool;
    this.#decision = decision;
  }

  /** @throws DecodeError as the mediator's rewriter does, at a message that is malformed */
  rewrite(input: Uint8Array, output: Uint8Array, work?: number): Uint8Array {
    this.consumed = 0;
    this.unfinished = false;
    const message = this.#decided ? undefined : firstMessage(input);
    if (message === undefined) return output.subarray(0, 0);
    // A malformed message is left to the rewriter, which names the fault.
    const first = message === "malformed" ? message : this.#decision.read(message);
    if (first === undefined || message === "malformed" || first === "malformed") {
      this.#drop(message === "malformed" ? input : message, work);
    } else {
      this.#decided = true;
      this.#decision.decide(first);
    }
    return output.subarray(0, 0);
  }

  #drop(message: Uint8Array, work: number | undefined): void {
    const scratch = this.#pool.lease(OUTPUT_OCTETS);
    try {
      this.#mediated.rewrite(message, scratch, work);
      this.consumed = this.#mediated.consumed;
      this.unfinished = this.#mediated.unfinished;
      if (this.#mediated.produced > 0) this.#mediated.discard();
    } finally {
      this.#pool.release(scratch);
    }
  }

  announce(): void {}

  remap(): boolean {
    return true;
  }

  close(): void {
    this.#mediated.close();
  }
}

/** The first message; undefined while it is incomplete. */
function firstMessage(input: Uint8Array): Uint8Array | "malformed" | undefined {
  try {
    const length = nextMessageLength(input);
    return length === "incomplete" ? undefined : input.subarray(0, length);
  } catch (error) {
    if (error instanceof DecodeError) return "malformed";
    throw error;
  }
}
