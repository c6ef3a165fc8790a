import { setImmediate } from "node:timers";
import { type sendUnaryData, type ServerReadableStream, status } from "@grpc/grpc-js";
import { DecodeError } from "../../../../ipfix/octets/decode_error.ts";
import { type Counters, increment } from "../../../../mediation/templates/counters.ts";
import type { Address } from "../../address.ts";
import type { Connection } from "../../connection.ts";
import { EXPORT_RESPONSE } from "../flow/export_service.ts";
import { FlowLedger } from "../flow/flow_ledger.ts";
import { FlowMessages, LONGEST_MESSAGES } from "./flow_messages.ts";
import type { IncomingRequest } from "./request_intake.ts";
import type { FlowReleases } from "./flow_releases.ts";

/** A call of `Export`. */
export type ExportCall = ServerReadableStream<IncomingRequest, Uint8Array>;

/** A stream's share of the process. */
export interface StreamTurns {
  /** Whether the present turn has taken too long. */
  readonly isOver: () => boolean;
  /** Waits for a turn. */
  readonly next: () => Promise<void>;
}

/** What a stream needs from its connection and listener. */
export interface FlowStreamParts {
  readonly remoteAddress: Address;
  readonly certificateName?: string;
  readonly releases: FlowReleases;
  readonly turns: StreamTurns;
  /** Seconds since 1970. */
  readonly time: () => number;
  readonly onClose: () => void;
}

/** Messages of one flow. Shared by all streams, which keep what does not fit the reader's view. */
const SCRATCH = new Uint8Array(LONGEST_MESSAGES);
const NOTHING = new Uint8Array(0);
/** Fields between two looks at the time: those of twenty ordinary flows. */
const LOOK_EVERY = 1024;
/** What a request costs besides its fields, in fields. */
const REQUEST_COST = 32;

/**
 * A stream of flows, read as the messages that the same exporter would have sent over IPFIX. It takes requests only as
 * far as their messages fit the reader's view, so a slow reader slows the exporter through HTTP/2 flow control.
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
  /** Octets that did not fit the last view. */
  #rest = NOTHING;
  /** Whether a request is being converted. */
  #busy = false;
  /** Fields read since the last look at the time. */
  #work = 0;
  #ended = false;
  /** The error in the current request. Flows before it have been read. */
  #malformed: DecodeError | undefined;
  #failure: Error | undefined;
  #answered = false;
  #wake: () => void = () => {};
  /** Ends the wait for a turn. */
  #giveUp: () => void = () => {};

  constructor(call: ExportCall, respond: sendUnaryData<Uint8Array>, parts: FlowStreamParts) {
    this.#call = call;
    this.#respond = respond;
    this.#parts = parts;
    this.remoteAddress = parts.remoteAddress;
    if (parts.certificateName !== undefined) this.certificateName = parts.certificateName;
    this.#messages = new FlowMessages(parts.releases, this.#ledger, parts.time);
    // A request is announced as soon as it is there: what has arrived with it is there once the event loop has come
    // round.
    const wake = () => this.#wake();
    call.on("readable", () => setImmediate(wake));
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

  /** @throws DecodeError `request_malformed`, after which nothing more can be read */
  async read(view: Uint8Array): Promise<number | null> {
    for (;;) {
      if (this.#answered) throw new Error("the stream is closed");
      let length = this.#put(this.#rest, view, 0);
      let isOver = this.#isOver;
      // All requests that are there: a write to the collector costs as much as several flows.
      while (!isOver && length < view.length && this.#malformed === undefined && (this.#busy || this.#begin())) {
        length = this.#fill(view, length);
        isOver = this.#isOver;
      }
      if (length > 0) return length;
      if (this.#malformed !== undefined) throw this.#malformed;
      // Requests without flows and flows of nothing but unknown fields come without end, and nothing of them goes out.
      if (isOver) {
        await this.#nextTurn();
        continue;
      }
      if (this.#ended || this.#failure !== undefined) {
        // A thousand streams may end with their connection.
        await this.#nextTurn();
        if (this.#ended) return null;
        throw this.#failure;
      }
      await new Promise<void>((resolve) => this.#wake = resolve);
      // Thousands of streams may wake up in one turn.
      this.#work = LOOK_EVERY;
    }
  }

  nextTurn(): Promise<void> {
    return this.#parts.turns.next();
  }

  /** The same, unless the stream is closed before. */
  #nextTurn(): Promise<void> {
    return new Promise<void>((resolve) => {
      this.#giveUp = resolve;
      void this.nextTurn().then(resolve);
    });
  }

  /** An exporter receives nothing but the response at the end. */
  write(): Promise<number> {
    return Promise.reject(new Error("nothing is sent to an exporter"));
  }

  /**
   * Answers an exporter that has ended its stream, once all of it has been read. Otherwise does nothing: there is no way
   * to announce the end of a stream.
   */
  closeWrite(): Promise<void> {
    const isRead = this.#ended && !this.#busy && this.#rest.length === 0;
    if (isRead) this.#answer(() => this.#respond(null, EXPORT_RESPONSE));
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
    // An exporter that has left cannot be answered.
    if (!this.#call.cancelled) respond();
    this.#wake();
    this.#giveUp();
    this.#parts.onClose();
  }

  /** Begins to convert the next request. Returns false if there is none. */
  #begin(): boolean {
    const request = this.#call.read() as IncomingRequest | null;
    if (request === null) return false;
    const { octets } = request;
    request.taken();
    this.#messages.begin(octets);
    this.#work += REQUEST_COST;
    return this.#busy = true;
  }

  /** Whether it has worked for a while and its turn is over. */
  get #isOver(): boolean {
    if (this.#work < LOOK_EVERY) return false;
    this.#work = 0;
    return this.#parts.turns.isOver();
  }

  /** Converts flows of the current request, some of them in one turn. Returns how far the view is filled. */
  #fill(view: Uint8Array, filled: number): number {
    try {
      while (this.#busy && filled < view.length && this.#work < LOOK_EVERY) {
        const length = this.#messages.next(SCRATCH);
        this.#work += this.#messages.fieldsRead;
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

  /** Copies as much as fits and keeps the rest. Returns how far the view is filled. */
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
