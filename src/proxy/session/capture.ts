import { concatenate } from "../../ipfix/concatenate.ts";
import { MessageBuilder } from "../../ipfix/message_builder.ts";
import { decodeMessageHeader, writeMessageHeader } from "../../ipfix/message_header.ts";
import type { Counters } from "../../mediation/templates/counters.ts";
import type { CollectorFacts, SessionRewriter, TemplateState } from "../../mediation/session/session_rewriter.ts";
import { targetTemplate } from "../../mediation/mapping/template_mapping.ts";
import { messageLength } from "../transport/message_walk.ts";

/** When a capture ends by itself. */
export interface CaptureLimits {
  /** Messages received. */
  readonly messages: number;
  /** Octets of each side. */
  readonly octets: number;
}

/** Why a capture ended: `stopped` from outside, as its time was over. */
export type CaptureEnd = "messages" | "octets" | "stopped" | "closed";

/** Both sides of a session for some time: RFC 5655 files, each with the templates that stood when it began at its head. */
export interface Captured {
  /** As the exporter sent it. */
  readonly received: Uint8Array;
  /** As the collector gets it; in observe mode, as it would. */
  readonly sent: Uint8Array;
  /** Messages received, without those at the head. */
  readonly messages: number;
  readonly end: CaptureEnd;
}

/** A capture that is under way. */
class Recording {
  readonly received: Uint8Array[] = [];
  readonly sent: Uint8Array[] = [];
  readonly done: Promise<Captured>;
  messages = 0;
  #octetsReceived = 0;
  #octetsSent = 0;
  #resolve: (captured: Captured) => void = () => {};

  constructor(readonly limits: CaptureLimits, readonly head: Head) {
    this.done = new Promise((resolve) => this.#resolve = resolve);
  }

  /** Takes copies. @returns whether that was the end */
  take(received: Uint8Array, sent: Uint8Array): boolean {
    const { messages, octets } = this.limits;
    let end: CaptureEnd | undefined;
    for (let start = 0; start < received.length && end === undefined;) {
      const length = messageLength(received, start);
      if (this.#octetsReceived + length > octets) end = "octets";
      else {
        this.received.push(received.slice(start, start + length));
        this.#octetsReceived += length;
        start += length;
        if (++this.messages >= messages) end = "messages";
      }
    }
    for (let start = 0; start < sent.length;) {
      const length = messageLength(sent, start);
      if (this.#octetsSent + length > octets) {
        end = "octets";
        break;
      }
      this.sent.push(sent.slice(start, start + length));
      this.#octetsSent += length;
      start += length;
    }
    if (end !== undefined) this.finish(end);
    return end !== undefined;
  }

  finish(end: CaptureEnd): void {
    const { received, sent, messages } = this;
    this.#resolve({
      received: concatenate([...inSequence(this.head.received, received), ...received]),
      sent: concatenate([...inSequence(this.head.sent, sent), ...sent]),
      messages,
      end,
    });
  }
}

/** The templates of both sides, a message each. */
interface Head {
  readonly received: readonly Uint8Array[];
  readonly sent: readonly Uint8Array[];
}

/**
 * A rewriter whose octets can be captured while it works, before and after. Without a capture under way it costs a comparison for
 * each read, none for a record.
 */
export class CapturableRewriter implements SessionRewriter {
  #recording: Recording | undefined;

  constructor(readonly rewriter: SessionRewriter) {}

  /**
   * Captures what comes from now on.
   *
   * @param stop ends it
   * @returns undefined: one is under way
   */
  capture(limits: CaptureLimits, stop: AbortSignal): Promise<Captured> | undefined {
    if (this.#recording !== undefined) return undefined;
    const head = { received: this.sourceTemplates(), sent: targetTemplates(this.templates()) };
    const recording = this.#recording = new Recording(limits, head);
    const onStop = () => this.#finish(recording, "stopped");
    stop.addEventListener("abort", onStop, { once: true });
    if (stop.aborted) onStop();
    return recording.done.finally(() => stop.removeEventListener("abort", onStop));
  }

  #finish(recording: Recording, end: CaptureEnd): void {
    if (this.#recording === recording) this.#recording = undefined;
    recording.finish(end);
  }

  rewrite(input: Uint8Array, output: Uint8Array): Uint8Array {
    const octets = this.rewriter.rewrite(input, output);
    if (this.#recording?.take(input.subarray(0, this.consumed), octets) === true) this.#recording = undefined;
    return octets;
  }

  close(): void {
    if (this.#recording !== undefined) this.#finish(this.#recording, "closed");
    this.rewriter.close();
  }

  get consumed(): number {
    return this.rewriter.consumed;
  }

  get produced(): number {
    return this.rewriter.produced;
  }

  get producedRecords(): number {
    return this.rewriter.producedRecords;
  }

  get counters(): Counters {
    return this.rewriter.counters;
  }

  get skewed(): boolean {
    return this.rewriter.skewed;
  }

  get outdated(): boolean {
    return this.rewriter.outdated;
  }

  restart(unsent?: Uint8Array): void {
    this.rewriter.restart(unsent);
  }

  announce(): void {
    this.rewriter.announce();
  }

  remap(): void {
    this.rewriter.remap();
  }

  renew(unsent?: Uint8Array, collector?: CollectorFacts): number {
    return this.rewriter.renew(unsent, collector);
  }

  templates(): TemplateState[] {
    return this.rewriter.templates();
  }

  sourceTemplates(): Uint8Array[] {
    return this.rewriter.sourceTemplates();
  }
}

/** The templates as the collector has them, a message each. */
function targetTemplates(states: readonly TemplateState[]): Uint8Array[] {
  return states.flatMap(({ observationDomain, targetTemplate: id, mapping }) => {
    if (id === undefined || mapping === undefined) return [];
    const template = targetTemplate(mapping, id);
    const builder = new MessageBuilder({ observationDomainId: observationDomain });
    const set = template.scopeFieldCount > 0 ? builder.optionsTemplateSet([template]) : builder.templateSet([template]);
    return [set.build()];
  });
}

/** Template messages count no records: they have the sequence number and time of what comes behind them in their domain. */
function inSequence(head: readonly Uint8Array[], messages: readonly Uint8Array[]): Uint8Array[] {
  const first = new Map<number, { sequenceNumber: number; exportTime: number }>();
  for (const message of messages) {
    const { observationDomainId, sequenceNumber, exportTime } = decodeMessageHeader(message);
    if (!first.has(observationDomainId)) first.set(observationDomainId, { sequenceNumber, exportTime });
  }
  return head.map((octets) => {
    const message = octets.slice();
    const header = decodeMessageHeader(message);
    writeMessageHeader(message, 0, { ...header, ...first.get(header.observationDomainId) });
    return message;
  });
}
