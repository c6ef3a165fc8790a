import type { Connection } from "../../../connection.ts";
import type { Http2Frames } from "./http2_frames.ts";
import type { RequestsInHand } from "./requests_in_hand.ts";
import type { WorkBudget } from "./work_budget.ts";

/**
 * How many more a request counts for in another stream than the one before: each is written to the collector by itself.
 * With very many operations on sockets in one turn, Deno 2.9.6 was seen to leave other sockets waiting for several
 * turns.
 */
const SWITCH_COST = 7;
/** Octets between two looks at how much work they are. */
const STEP = 256;
/** Octets in hand that a portion may add: a small compressed request counts for a thousand times its length. */
const MOST_ADDED = 1024 * 1024;
const NOTHING = new Uint8Array(0);

/** Reads a connection in portions that are no more work than a turn of the event loop has left. */
export class RequestPortions {
  readonly #connection: Connection;
  readonly #frames: Http2Frames;
  readonly #inHand: RequestsInHand;
  readonly #budget: WorkBudget;
  readonly #onArrival: (octets: number) => void;
  /** Octets that were too much for the last portion. */
  #rest: Uint8Array = NOTHING;

  /** @param onArrival called when requests have arrived, with what they have added to those in hand in octets */
  constructor(
    connection: Connection,
    frames: Http2Frames,
    inHand: RequestsInHand,
    budget: WorkBudget,
    onArrival: (octets: number) => void,
  ) {
    this.#onArrival = onArrival;
    this.#connection = connection;
    this.#frames = frames;
    this.#inHand = inHand;
    this.#budget = budget;
  }

  async read(view: Uint8Array): Promise<number | null> {
    if (this.#rest.length > 0) return await this.#readRest(view);
    const read = await this.#connection.read(view);
    if (read === null) return null;
    if (this.#budget.left <= 0) {
      this.#rest = view.slice(0, read);
      return await this.#readRest(view);
    }
    const length = this.#pass(view.subarray(0, read));
    if (length < read) this.#rest = view.slice(length, read);
    return length;
  }

  async #readRest(view: Uint8Array): Promise<number> {
    await this.#budget.some();
    const length = this.#pass(this.#rest.subarray(0, view.length));
    view.set(this.#rest.subarray(0, length));
    this.#rest = this.#rest.subarray(length);
    return length;
  }

  /** Follows the frames until it is enough for a portion. Returns the octets of the portion. */
  #pass(octets: Uint8Array): number {
    const inHand = this.#inHand.octets;
    let end = 0;
    do {
      const before = this.#work;
      this.#frames.pass(octets.subarray(end, end + STEP));
      end = Math.min(end + STEP, octets.length);
      this.#budget.spend(this.#work - before);
    } while (this.#budget.left > 0 && this.#inHand.octets - inHand < MOST_ADDED && end < octets.length);
    if (this.#inHand.octets > inHand) this.#onArrival(this.#inHand.octets - inHand);
    return end;
  }

  /** In requests, since the beginning. */
  get #work(): number {
    return this.#inHand.count + this.#inHand.switches * SWITCH_COST + this.#frames.work;
  }
}
