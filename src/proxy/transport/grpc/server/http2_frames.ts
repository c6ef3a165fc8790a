import { u16At } from "../../../../ipfix/octets/network_order.ts";

const PREFACE_LENGTH = 24;
const HEADER_LENGTH = 9;
const DATA = 0;

/**
 * Follows the frames of a client (RFC 9113 §4.1) across reads, and counts the octets of DATA frames.
 */
export class Http2Frames {
  /** Octets of DATA frames so far. */
  data = 0;
  /** Remaining octets of the preface or of the frame's payload. */
  #left = PREFACE_LENGTH;
  #header = new Uint8Array(HEADER_LENGTH);
  #headerLength = 0;
  #isData = false;

  /** Processes the next octets of the connection. */
  pass(octets: Uint8Array): void {
    for (let at = 0; at < octets.length;) {
      if (this.#left > 0) {
        const length = Math.min(this.#left, octets.length - at);
        if (this.#isData) this.data += length;
        this.#left -= length;
        at += length;
        continue;
      }
      this.#header[this.#headerLength++] = octets[at++] ?? 0;
      if (this.#headerLength < HEADER_LENGTH) continue;
      this.#headerLength = 0;
      this.#left = (this.#header[0] ?? 0) << 16 | u16At(this.#header, 1);
      this.#isData = this.#header[3] === DATA;
    }
  }
}
