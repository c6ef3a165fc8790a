import type { DecodeError, RejectReason } from "../../ipfix/octets/decode_error.ts";
import { foreignProtocol } from "../../ipfix/message/foreign_protocol.ts";
import type { ReportOfSession } from "../reporting/proxy_event.ts";
import { describeRejected } from "../transport/message_walk.ts";

/** Reports the broken messages of one session, once for each reason: a session over UDP goes on after them. */
export class Rejections {
  readonly #report: ReportOfSession;
  /** Made with the first rejection, which most sessions never have. */
  #reported: Set<RejectReason> | undefined;

  constructor(report: ReportOfSession) {
    this.#report = report;
  }

  /**
   * Reports a message that cannot be decoded.
   *
   * @param octets the exporter's octets from the start of the message, as far as they have arrived
   * @param offset where these begin in the exporter's stream
   */
  broken(error: DecodeError, octets: Uint8Array, offset: number): void {
    const protocol = foreignProtocol(octets);
    const hint = protocol === undefined ? "" : `; it looks like ${protocol}`;
    this.#reject(error.reason, `${error.message}${hint}`, octets, offset + error.offset);
  }

  /** Reports a message whose end never arrived. Parameters as for {@link broken}. */
  truncated(octets: Uint8Array, offset: number): void {
    this.#reject("message_truncated", `the session ended ${octets.length} octets into a message`, octets, offset);
  }

  /**
   * Reports the broken message that ended the observation of a session in `mode: observe`. Parameters as for {@link
   * broken}.
   */
  observationEnded(error: DecodeError, octets: Uint8Array, offset: number): void {
    const fields = { offset: offset + error.offset, reason: error.reason, ...describeRejected(octets) };
    this.#report(
      "warning",
      "observing_ended",
      `${error.message}; the session is still relayed, but no longer observed`,
      fields,
    );
  }

  /** Reports that the observation of a session ended for want of memory. */
  observationGivenUp(): void {
    const message = "a message takes too long to arrive while others need the memory (limits.messageMemory); " +
      "the session is still relayed, but no longer observed";
    this.#report("warning", "observing_ended", message, {});
  }

  #reject(reason: RejectReason, message: string, octets: Uint8Array, offset: number): void {
    const reported = this.#reported ??= new Set();
    if (reported.has(reason)) return;
    reported.add(reason);
    this.#report("warning", "message_rejected", message, { offset, reason, ...describeRejected(octets) });
  }
}
