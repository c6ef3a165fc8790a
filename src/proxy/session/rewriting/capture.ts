import { concatenate } from "../../../ipfix/octets/concatenate.ts";
import { decodeMessageHeader, writeMessageHeader } from "../../../ipfix/message/message_header.ts";
import { encodeTemplateRecord, setIdOfKind } from "../../../ipfix/record/template_record.ts";
import { templateMessage } from "../../../mediation/templates/template_message.ts";
import type { SessionRewriter, TemplateState } from "../../../mediation/session/session_rewriter.ts";
import { targetTemplate } from "../../../mediation/mapping/template_mapping.ts";
import { messageLength } from "../../transport/message_walk.ts";
import type { RewriterTap } from "./rewriter_tap.ts";

/** Limits at which a capture ends. */
export interface CaptureLimits {
  /** Messages received, at most. */
  readonly messages: number;
  /** Octets of each side, at most. */
  readonly octets: number;
}

/** Why a capture ended: one of its limits, `stopped` by its caller, or `closed` with its session. */
export type CaptureEnd = "messages" | "octets" | "stopped" | "closed";

/**
 * Both sides of a session over some time, as RFC 5655 files. Each begins with the templates in force when the capture
 * began.
 */
export interface Captured {
  /** As the exporter sent it. */
  readonly received: Uint8Array;
  /** As the collector gets it; in observe mode, as it would. */
  readonly sent: Uint8Array;
  /** Messages received, not counting the templates at the head. */
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

  /** Takes copies of whole messages. @returns whether the capture has ended */
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

/** Captures of one session, one at a time. While none is under way it costs a comparison for each read. */
export class SessionCapture implements RewriterTap {
  #recording: Recording | undefined;

  /** @param session whose templates form the head of each file */
  constructor(readonly session: Pick<SessionRewriter, "sourceTemplates" | "templates">) {}

  /**
   * Captures the messages from now on.
   *
   * @param stop ends the capture
   * @returns undefined where one is under way already
   */
  begin(limits: CaptureLimits, stop: AbortSignal): Promise<Captured> | undefined {
    if (this.#recording !== undefined) return undefined;
    const head = { received: this.session.sourceTemplates(), sent: targetTemplates(this.session.templates()) };
    const recording = this.#recording = new Recording(limits, head);
    const onStop = () => this.#finish(recording, "stopped");
    stop.addEventListener("abort", onStop, { once: true });
    if (stop.aborted) onStop();
    return recording.done.finally(() => stop.removeEventListener("abort", onStop));
  }

  take(input: Uint8Array, consumed: number, output: Uint8Array): void {
    if (this.#recording?.take(input.subarray(0, consumed), output) === true) this.#recording = undefined;
  }

  close(): void {
    if (this.#recording !== undefined) this.#finish(this.#recording, "closed");
  }

  #finish(recording: Recording, end: CaptureEnd): void {
    if (this.#recording === recording) this.#recording = undefined;
    recording.finish(end);
  }
}

/** Stands in a template's message if no message of its observation domain was captured after it. */
const UNKNOWN_EXPORT_TIME = 1_700_000_000;

/** The templates as the collector has them, a message each. */
function targetTemplates(states: readonly TemplateState[]): Uint8Array[] {
  return states.flatMap(({ observationDomain, targetTemplate: id, mapping }) => {
    if (id === undefined || mapping === undefined) return [];
    const template = targetTemplate(mapping, id);
    const setId = setIdOfKind(template.scopeFieldCount > 0 ? "options-template" : "template");
    const header = { exportTime: UNKNOWN_EXPORT_TIME, sequenceNumber: 0, observationDomainId: observationDomain };
    return [templateMessage(setId, encodeTemplateRecord(template), header)];
  });
}

/**
 * The head with the sequence number and time of the first message behind it in its domain: template messages count no
 * records.
 */
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
