import type { Connection } from "../../connection.ts";
import type { Http2Frames } from "./http2_frames.ts";
import type { RequestsInHand } from "./requests_in_hand.ts";

/** Requests of a portion in one stream, to a step. */
const REQUESTS = 512;
/** How many requests a new stream counts for. */
const STREAM_COST = 32;
/**
 * How many more a request counts for in another stream than the one before: each is written to the collector by itself. With very
 * many operations on sockets in one turn, Deno 2.9.6 was seen to leave other sockets waiting for several turns.
 */
const SWITCH_COST = 7;
/** Octets between two looks at how many requests they contain. */
const STEP = 256;
const NOTHING = new Uint8Array(0);

/**
 * Reads a connection in portions whose requests cost so little that they may be processed without a look at the time. What node:http2
 * and @grpc/grpc-js do with a portion they do when it has been read, and before anybody else has a turn.
 */
export class RequestPortions {
  readonly #connection: Connection;
  readonly #frames: Http2Frames;
  readonly #inHand: RequestsInHand;
  readonly #onArrival: (octets: number) => void;
  /** Octets that were too much for the last portion. */
  #rest: Uint8Array = NOTHING;
  #isFull = false;

  /** @param onArrival called when requests have arrived, with what they have added to those in hand in octets */
  constructor(
    connection: Connection,
    frames: Http2Frames,
    inHand: RequestsInHand,
    onArrival: (octets: number) => void,
  ) {
    this.#onArrival = onArrival;
    this.#connection = connection;
    this.#frames = frames;
    this.#inHand = inHand;
  }

  /** Whether the last portion ended because it would have become too much work. */
  get isFull(): boolean {
    return this.#isFull;
  }

  async read(view: Uint8Array): Promise<number | null> {
    if (this.#rest.length > 0) {
      const length = this.#pass(this.#rest.subarray(0, view.length));
      view.set(this.#rest.subarray(0, length));
      this.#rest = this.#rest.subarray(length);
      return length;
    }
    const read = await this.#connection.read(view);
    if (read === null) return null;
    const length = this.#pass(view.subarray(0, read));
    if (length < read) this.#rest = view.slice(length, read);
    return length;
  }

  /** Follows the frames until it is enough for a portion. Returns the octets of the portion. */
  #pass(octets: Uint8Array): number {
    const [before, inHand] = [this.#work, this.#inHand.octets];
    let end = 0;
    do {
      this.#frames.pass(octets.subarray(end, end + STEP));
      end = Math.min(end + STEP, octets.length);
      this.#isFull = this.#work - before >= REQUESTS;
    } while (!this.#isFull && end < octets.length);
    if (this.#inHand.octets > inHand) this.#onArrival(this.#inHand.octets - inHand);
    return end;
  }

  /** In requests, since the beginning. */
  get #work(): number {
    const { count, switches } = this.#inHand;
    return count + switches * SWITCH_COST + this.#frames.headers * STREAM_COST;
  }
}
