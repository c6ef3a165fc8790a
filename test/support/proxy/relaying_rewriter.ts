import { DecodeError } from "../../../src/ipfix/octets/decode_error.ts";
import { decodeMessageHeader, writeMessageHeader } from "../../../src/ipfix/message/message_header.ts";
import { Counters } from "../../../src/mediation/templates/counters.ts";
import type {
  CollectorFacts,
  SessionFacts,
  SessionRewriter,
  TemplateState,
} from "../../../src/mediation/session/session_rewriter.ts";
import { messageLength } from "../../../src/proxy/transport/message_walk.ts";
import { TEMPLATE } from "./proxy_messages.ts";

/** Relays whole messages as they are, and keeps to the contract where a new transport session begins. */
export class RelayingRewriter implements SessionRewriter {
  readonly waiting: Promise<void> | undefined = undefined;
  consumed = 0;
  produced = 0;
  producedRecords = 0;
  readonly unfinished: boolean = false;
  readonly templateChanges: number = 0;
  readonly counters = new Counters();
  skewed = false;
  closed = false;
  announced = 0;
  remapped = 0;
  outdated = false;
  renewedFor: CollectorFacts | undefined;
  #sent = 0;
  #template: Uint8Array | undefined;
  #waiting: Uint8Array[] = [];

  constructor(readonly facts: SessionFacts) {}

  rewrite(input: Uint8Array, output: Uint8Array): Uint8Array {
    this.consumed = this.produced = this.producedRecords = 0;
    this.#relay(input, output);
    return output.subarray(0, this.produced);
  }

  #relay(input: Uint8Array, output: Uint8Array): void {
    for (; this.#waiting[0] !== undefined; this.#waiting.shift()) {
      if (!this.#put(this.#waiting[0], output)) return;
    }
    while (input.length - this.consumed >= 16) {
      const length = this.#wholeLength(input);
      const message = input.subarray(this.consumed, this.consumed + length);
      if (message.length < length || !this.#put(message, output)) return;
      this.consumed += length;
      this.counters.messagesReceived++;
      if (messageLength(message, 16) === 12) this.#template = message.slice();
    }
  }

  get templatesKnown(): boolean {
    return this.#template !== undefined;
  }

  get recordsInHand(): number {
    return this.producedRecords;
  }

  get heldRecords(): number {
    return this.#waiting.filter((message) => messageLength(message, 16) !== 12).length;
  }

  get heldOctets(): number {
    return this.#waiting.reduce((sum, { length }) => sum + length, 0);
  }

  takeAbandoned(): number {
    return 0;
  }

  interrupt(unsent: Uint8Array): void {
    const messages: Uint8Array[] = [];
    for (let start = 0; start < unsent.length; start += messageLength(unsent, start)) {
      messages.push(unsent.slice(start, start + messageLength(unsent, start)));
    }
    this.#waiting = [...messages, ...this.#waiting];
    this.produced = this.producedRecords = 0;
  }

  restart(unsent: Uint8Array = new Uint8Array(0)): void {
    this.interrupt(unsent);
    this.#sent = 0;
    if (this.#template !== undefined) this.#waiting.unshift(this.#template);
  }

  discard(unsent: Uint8Array = new Uint8Array(0)): number {
    const dropped = unsent.length === 0 ? this.producedRecords : 0;
    this.interrupt(unsent);
    const { heldRecords } = this;
    this.#waiting = [];
    return dropped + heldRecords;
  }

  announce(): void {
    this.announced++;
  }

  remap(): boolean {
    this.remapped++;
    return true;
  }

  renew(unsent: Uint8Array = new Uint8Array(0), collector: CollectorFacts = {}): number {
    this.outdated = false;
    this.renewedFor = collector;
    this.interrupt(unsent);
    const dropped = this.discard();
    this.restart();
    return dropped;
  }

  sourceTemplates(): Uint8Array[] {
    return this.#template === undefined ? [] : [this.#template];
  }

  prepare(): undefined {}

  templates(): TemplateState[] {
    if (this.#template === undefined) return [];
    return [{ observationDomain: 1, template: TEMPLATE, targetTemplate: TEMPLATE, outcome: "identity", records: 0 }];
  }

  close(): void {
    this.closed = true;
  }

  /** @throws DecodeError as a real one, once all before it has been given out */
  #wholeLength(input: Uint8Array): number {
    try {
      return decodeMessageHeader(input, this.consumed).length;
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      if (this.consumed > 0) return Infinity;
      this.counters.messagesRejected.set(error.reason, 1);
      throw error;
    }
  }

  #put(message: Uint8Array, output: Uint8Array): boolean {
    if (this.produced + message.length > output.length) return false;
    output.set(message, this.produced);
    writeMessageHeader(output, this.produced, { ...decodeMessageHeader(message), sequenceNumber: this.#sent });
    this.produced += message.length;
    if (messageLength(message, 16) === 12) return true;
    this.#sent++;
    this.producedRecords++;
    return true;
  }
}
