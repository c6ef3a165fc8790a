import { nextTurn } from "../view/turn.ts";
import { OneByOne } from "./one_by_one.ts";

/** Most octets of all answers that clients have not taken yet. */
const MOST = 16 * 1024 * 1024;

/** Counts the octets of answers that clients have not taken yet, and lets those that are made in bits wait for room. */
export class UnreadOctets {
  readonly #most: number;
  #count = 0;
  /** Several at once would take several times the memory. */
  readonly #bits = new OneByOne();
  #onFreed = () => {};

  constructor(most = MOST) {
    this.#most = most;
  }

  /** Whether another answer may be made at all: making one to refuse it takes as much memory as giving it. */
  get hasRoom(): boolean {
    return this.#count * 2 <= this.#most;
  }

  /** Whether octets that are made already may wait for their client. One answer always has room. */
  fits(octets: number): boolean {
    return this.#count === 0 || this.#count + octets <= this.#most;
  }

  add(octets: number): void {
    this.#count += octets;
  }

  free(octets: number): void {
    this.#count -= octets;
    this.#onFreed();
  }

  /** Makes a bit of an answer once there is room for it, in a turn of its own, and counts it. */
  whenRoom(make: () => Uint8Array): Promise<Uint8Array> {
    return this.#bits.run(async () => {
      await nextTurn();
      while (!this.hasRoom) {
        await new Promise<void>((freed) => this.#onFreed = freed);
        await nextTurn();
      }
      const octets = make();
      this.add(octets.length);
      return octets;
    });
  }
}
