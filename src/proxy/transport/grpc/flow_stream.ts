import { type sendUnaryData, type ServerReadableStream, status } from "@grpc/grpc-js";
import { DecodeError } from "../../../ipfix/decode_error.ts";
import { type Counters, increment } from "../../../mediation/templates/counters.ts";
import type { Address } from "../address.ts";
import type { Connection } from "../connection.ts";
import { EXPORT_RESPONSE } from "./export_service.ts";
import { FlowLedger } from "./flow_ledger.ts";
import { FlowMessages, LONGEST_MESSAGES } from "./flow_messages.ts";
import type { IncomingRequest } from "./request_intake.ts";
import type { FlowReleases } from "./flow_releases.ts";

/** A call of `Export` that has begun. */
export type ExportCall = ServerReadableStream<IncomingRequest, Uint8Array>;

/** What a stream has from its connection and its listener. */
export interface FlowStreamParts {
  readonly remoteAddress: Address;
  readonly certificateName?: string;
  readonly releases: FlowReleases;
  /** Seconds since 1970. */
  readonly time: () => number;
  /** A request of so many octets was taken: there is room for others. */
  readonly onTaken: (octets: number) => void;
  readonly onClose: () => void;
}

/** Messages of one flow on their way to a reader: all streams make theirs here, and keep what did not fit. */
const SCRATCH = new Uint8Array(LONGEST_MESSAGES);
const NOTHING = new Uint8Array(0);

/**
 * One stream of flows, as the messages that the same exporter would have sent over IPFIX. It holds one request at a time, so that a
 * reader who is slow slows the exporter by the flow control of HTTP/2.
 */
export class FlowStream implements Connection {
  readonly transport = "grpc";
  readonly remoteAddress: Address;
  readonly certificateName?: string;
  readonly #call: ExportCall;
  readonly #respond: sendUnaryData<Uint8Array>;
  readonly #parts: FlowStreamParts;
  readonly #ledger = new FlowLedger();
  readonly #messages: FlowMessages;
  /** What was made and had no room in the last view. */
  #rest = NOTHING;
  /** Whether a request is being made into messages. */
  #busy = false;
  #ended = false;
  /** What is wrong with the request; flows before that have gone out. */
  #malformed: DecodeError | undefined;
  #failure: Error | undefined;
  #answered = false;
  #wake: () => void = () => {};

  constructor(call: ExportCall, respond: sendUnaryData<Uint8Array>, parts: FlowStreamParts) {
    this.#call = call;
    this.#respond = respond;
    this.#parts = parts;
    this.remoteAddress = parts.remoteAddress;
    if (parts.certificateName !== undefined) this.certificateName = parts.certificateName;
    this.#messages = new FlowMessages(parts.releases, this.#ledger, parts.time);
    call.on("readable", () => this.#wake());
    call.on("end", () => {
      this.#ended = true;
      this.#wake();
    });
    call.on("error", (error: Error) => this.#fail(error));
    call.on("cancelled", () => this.#fail(new Error("the exporter has left")));
  }

  count(counters: Counters): void {
    this.#ledger.begin(counters);
  }

  /** @throws DecodeError `request_malformed`; the exporter is told, and nothing more comes */
  async read(view: Uint8Array): Promise<number | null> {
    for (;;) {
      if (this.#answered) throw new Error("the stream is closed");
      const length = this.#fill(view);
      if (length > 0) return length;
      if (this.#malformed !== undefined) throw this.#malformed;
      const request = this.#call.read() as IncomingRequest | null;
      if (request !== null) {
        const { octets } = request;
        request.taken();
        this.#parts.onTaken(octets.length);
        this.#messages.begin(octets);
        this.#busy = true;
        continue;
      }
      if (this.#ended) return null;
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  /** Nothing is ever sent to an exporter but the response at its end. */
  write(): Promise<number> {
    return Promise.reject(new Error("nothing is sent to an exporter"));
  }

  /**
   * Where the exporter has ended its stream, answers. Otherwise there is nothing to tell: it goes on until the stream is closed, and
   * then knows that it has to open another one.
   */
  closeWrite(): Promise<void> {
    if (this.#ended) this.#answer(() => this.#respond(null, EXPORT_RESPONSE));
    return Promise.resolve();
  }

  close(): void {
    this.#answer(() =>
      this.#respond(
        this.#malformed === undefined
          ? { code: status.UNAVAILABLE, details: "the stream ends here: open another one" }
          : { code: status.INVALID_ARGUMENT, details: this.#malformed.message },
      )
    );
    this.#rest = NOTHING;
  }

  #answer(respond: () => void): void {
    if (this.#answered) return;
    this.#answered = true;
    // An exporter that has left is not there to be told.
    if (!this.#call.cancelled) respond();
    this.#wake();
    this.#parts.onClose();
  }

  #fill(view: Uint8Array): number {
    let filled = this.#put(this.#rest, view, 0);
    try {
      while (this.#busy && filled < view.length) {
        const length = this.#messages.next(SCRATCH);
        if (length === 0) this.#busy = false;
        else filled = this.#put(SCRATCH.subarray(0, length), view, filled);
      }
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#busy = false;
      this.#malformed = error;
      const { counters } = this.#ledger;
      if (counters !== undefined) increment(counters.messagesRejected, error.reason);
    }
    return filled;
  }

  /** Copies as much as there is room for, and keeps the rest. Returns where the view is filled to. */
  #put(octets: Uint8Array, view: Uint8Array, filled: number): number {
    const length = Math.min(octets.length, view.length - filled);
    if (length === 0) return filled;
    view.set(octets.subarray(0, length), filled);
    this.#rest = length < octets.length ? octets.slice(length) : NOTHING;
    return filled + length;
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }
}
