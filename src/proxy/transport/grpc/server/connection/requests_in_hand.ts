import { u32At } from "../../../../../ipfix/octets/network_order.ts";
import { LARGEST_REQUEST } from "../../flow/export_service.ts";

/** Octets before each request of a stream: whether it is compressed, and its length. */
const PREFIX_LENGTH = 5;
/** Octets that every request counts in addition to its own, since even an empty one takes memory and work. */
export const REQUEST_CHARGE = 256;
/**
 * Octets that a stream counts until its end, which takes memory even without a request. Calls that @grpc/grpc-js
 * refuses, such as those of an unknown method, have no end that could be noticed, and count until their connection
 * ends.
 */
export const STREAM_CHARGE = 512;
/** How many times its length a compressed request may have once it is decompressed, which happens when it arrives. */
const LARGEST_RATIO = 1032;

/** Of one stream. */
interface StreamInHand {
  /** Octets of the request that are still to come. */
  left: number;
  /** Whether they count as they come: of a compressed request, all count at once. */
  counts: boolean;
  readonly prefix: Uint8Array;
  prefixLength: number;
  /** What each request counts for, once it is complete, that has begun and has not been taken. */
  readonly charges: number[];
  /** What the stream and its requests count for now. */
  octets: number;
  /** Requests that are complete and have not been taken. */
  waiting: number;
}

/**
 * Counts what the requests of one connection take while they are incomplete or wait to be taken, in octets, by
 * following the prefixes of requests in each stream. What @grpc/grpc-js keeps of them can be bounded only from outside.
 */
export class RequestsInHand {
  /** Of all streams. */
  octets = 0;
  /** Requests that have begun so far. */
  count = 0;
  /** How many of them began in another stream than the request before. */
  switches = 0;
  /** Requests that are complete and have not been taken. */
  waiting = 0;
  #lastStream = 0;
  /** The newest stream. Those of a client have ascending numbers (RFC 9113 §5.1.1). */
  #newest = 0;
  readonly #streams = new Map<number, StreamInHand>();

  /** A stream begins, if it is a new one. */
  begin(stream: number): void {
    if (stream <= this.#newest) return;
    this.#newest = stream;
    const own = {
      left: 0,
      counts: true,
      prefix: new Uint8Array(PREFIX_LENGTH),
      prefixLength: 0,
      charges: [],
      octets: 0,
      waiting: 0,
    };
    this.#streams.set(stream, own);
    this.#add(own, STREAM_CHARGE);
  }

  /**
   * Counts octets of a stream's requests that have arrived. What comes after the stream's end is thrown away by
   * node:http2.
   */
  arrive(stream: number, octets: Uint8Array, start: number, end: number): void {
    const own = this.#streams.get(stream);
    if (own === undefined) return;
    for (let at = start; at < end;) {
      if (own.left > 0) {
        const length = Math.min(own.left, end - at);
        own.left -= length;
        at += length;
        if (own.counts) this.#add(own, length);
        if (own.left === 0) this.#complete(own);
        continue;
      }
      own.prefix[own.prefixLength++] = octets[at++] ?? 0;
      if (own.prefixLength < PREFIX_LENGTH) continue;
      own.prefixLength = 0;
      this.count++;
      if (stream !== this.#lastStream) {
        this.#lastStream = stream;
        this.switches++;
      }
      this.#beginRequest(own, u32At(own.prefix, 1), own.prefix[0] !== 0);
    }
  }

  /** The oldest request of a stream has been taken. */
  taken(stream: number): void {
    const own = this.#streams.get(stream);
    if (own === undefined || own.waiting === 0) return;
    const charge = own.charges.shift() ?? 0;
    own.octets -= charge;
    this.octets -= charge;
    own.waiting--;
    this.waiting--;
  }

  /** A stream has ended: its remaining requests will never be taken. */
  end(stream: number): void {
    const own = this.#streams.get(stream);
    this.octets -= own?.octets ?? 0;
    this.waiting -= own?.waiting ?? 0;
    this.#streams.delete(stream);
  }

  /** All streams have ended. */
  endAll(): void {
    this.octets = this.waiting = 0;
    this.#streams.clear();
  }

  #beginRequest(own: StreamInHand, length: number, isCompressed: boolean): void {
    own.left = length;
    own.counts = !isCompressed;
    const charge = REQUEST_CHARGE + (isCompressed ? Math.min(LARGEST_REQUEST, length * LARGEST_RATIO) : length);
    own.charges.push(charge);
    this.#add(own, isCompressed ? charge : REQUEST_CHARGE);
    if (length === 0) this.#complete(own);
  }

  #complete(own: StreamInHand): void {
    own.waiting++;
    this.waiting++;
  }

  #add(own: StreamInHand, octets: number): void {
    own.octets += octets;
    this.octets += octets;
  }
}
