import { concatenate } from "../../../../../ipfix/octets/concatenate.ts";
import { HeaderLists } from "./header_lists.ts";
import { u16At, u32At } from "../../../../../ipfix/octets/network_order.ts";

/**
 * Size of the longest list of header fields (RFC 9113 §10.5.1). Of those past 64 KiB node:http2 of Deno 2.9.6 never frees
 * what it has read. Agents have less than 1 KiB.
 */
const LONGEST_LIST = 16 * 1024;

const PREFACE_LENGTH = 24;
const HEADER_LENGTH = 9;
const DATA = 0;
const HEADERS = 1;
const GOAWAY = 7;
const CONTINUATION = 9;
/** A type that no implementation knows, and each ignores (RFC 9113 §5.5). */
const IGNORED = 0xff;
const PADDED = 0x08;
const END_HEADERS = 0x04;
const PRIORITY = 0x20;
const PRIORITY_LENGTH = 5;

/**
 * By type of frame (§6), about how much work one is for node:http2 and @grpc/grpc-js, in requests. Others count for
 * one.
 */
const WORK: Readonly<Record<number, number>> = {
  /** DATA: what it contains counts by itself. */
  0: 0.5,
  /** HEADERS: a new stream, and its end. */
  1: 32,
  /** RST_STREAM. */
  3: 16,
  /** SETTINGS and PING are answered, each by a write of its own. */
  4: 4,
  6: 4,
};
/** The same for each octet of a block of header fields, of which one can stand for a field of 4,000 (RFC 7541 §6.1). */
const HEADER_OCTET_WORK = 1 / 8;

/** What the frames of a connection contain. */
export interface FrameReader {
  /** Receives octets of DATA frames, without their padding. */
  data(stream: number, octets: Uint8Array, start: number, end: number): void;
  /** A stream begins, or gets its trailers. */
  headers(stream: number): void;
}

/** A client's header fields are longer than those of any exporter. */
export class HeadersTooLong extends Error {
  constructor() {
    super(`header fields of more than ${LONGEST_LIST} octets`);
  }
}

/**
 * Follows the frames of a client (RFC 9113 §4.1) across reads, and passes on what DATA frames contain. Gives GOAWAY
 * frames a type that is ignored, since node:http2 of Deno 2.9.6 ends the process with SIGABRT or SIGSEGV when it gets
 * one (denoland/deno issue 36788). From a client they say no more than that the connection is about to end.
 */
export class Http2Frames {
  readonly #reader: FrameReader;
  /** Octets that are left of the preface or of the frame's payload, less padding at its end. */
  #left = PREFACE_LENGTH;
  /** Octets of padding after them. */
  #padding = 0;
  /** Whether the next octet says how much padding there is. */
  #padded = false;
  readonly #header = new Uint8Array(HEADER_LENGTH);
  #headerLength = 0;
  #isData = false;
  #stream = 0;
  readonly #lists = new HeaderLists();
  #isHeaders = false;
  #flags = 0;
  /** The payload of the frame of header fields so far, and what came before it of the same block. */
  #payload: Uint8Array[] = [];
  #block: Uint8Array[] = [];
  #blockLength = 0;
  /** How much work the frames so far are, in requests. */
  work = 0;

  constructor(reader: FrameReader) {
    this.#reader = reader;
  }

  /**
   * Processes the next octets of the connection.
   *
   * @throws HeadersTooLong; these octets are not to be passed on
   */
  pass(octets: Uint8Array): void {
    for (let at = 0; at < octets.length;) {
      if (this.#padded) this.#pad(octets[at++] ?? 0);
      else if (this.#left > 0) {
        const length = Math.min(this.#left, octets.length - at);
        if (this.#isData) this.#reader.data(this.#stream, octets, at, at + length);
        if (this.#isHeaders) this.#payload.push(octets.slice(at, at + length));
        this.#left -= length;
        at += length;
        if (this.#isHeaders && this.#left === 0) this.#endHeaders();
      } else if (this.#padding > 0) {
        const length = Math.min(this.#padding, octets.length - at);
        this.#padding -= length;
        at += length;
      } else {
        // Its type is the fourth octet of a frame.
        if (this.#headerLength === 3 && octets[at] === GOAWAY) octets[at] = IGNORED;
        this.#takeHeader(octets[at++] ?? 0);
      }
    }
  }

  /** A frame with more padding than payload ends its connection (§6.1). */
  #pad(length: number): void {
    this.#padded = false;
    this.#padding = Math.min(length, this.#left - 1);
    this.#left -= 1 + this.#padding;
  }

  #takeHeader(octet: number): void {
    const header = this.#header;
    header[this.#headerLength++] = octet;
    if (this.#headerLength < HEADER_LENGTH) return;
    this.#headerLength = 0;
    this.#left = (header[0] ?? 0) << 16 | u16At(header, 1);
    const type = header[3] ?? 0;
    this.#isData = type === DATA;
    this.work += WORK[type] ?? 1;
    if (type === HEADERS || type === CONTINUATION) this.work += this.#left * HEADER_OCTET_WORK;
    this.#padded = this.#isData && ((header[4] ?? 0) & PADDED) !== 0 && this.#left > 0;
    this.#stream = u32At(header, 5) & 0x7fff_ffff;
    if (type === HEADERS) this.#reader.headers(this.#stream);
    this.#isHeaders = type === HEADERS || type === CONTINUATION;
    if (!this.#isHeaders) return;
    this.#flags = (header[4] ?? 0) & (type === HEADERS ? END_HEADERS | PADDED | PRIORITY : END_HEADERS);
    this.#blockLength += this.#left;
    if (this.#blockLength > LONGEST_LIST) throw new HeadersTooLong();
    if (this.#left === 0) this.#endHeaders();
  }

  /** The payload of a frame of header fields (§6.2, §6.10) has ended. */
  #endHeaders(): void {
    const payload = concatenate(this.#payload);
    this.#payload = [];
    this.#isHeaders = false;
    const isPadded = (this.#flags & PADDED) !== 0;
    const start = (isPadded ? 1 : 0) + ((this.#flags & PRIORITY) !== 0 ? PRIORITY_LENGTH : 0);
    const end = payload.length - (isPadded ? payload[0] ?? 0 : 0);
    if (end > start) this.#block.push(payload.subarray(start, end));
    if ((this.#flags & END_HEADERS) === 0) return;
    const size = this.#lists.sizeOf(concatenate(this.#block));
    this.#block = [];
    this.#blockLength = 0;
    if (size > LONGEST_LIST) throw new HeadersTooLong();
  }
}
