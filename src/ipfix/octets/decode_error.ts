/**
 * Why a whole message was refused. Each is a value of the `reason` label of
 * `messages_rejected_total`.
 */
export const REJECT_REASONS = [
  "message_version",
  "message_length",
  "message_truncated",
  "set_length",
  "set_overrun",
  "trailing_octets",
  "template_truncated",
  "template_id",
  "scope_field_count",
  "field_overrun",
  "partial_record",
  "request_malformed",
] as const;

/** One of {@link REJECT_REASONS}. */
export type RejectReason = (typeof REJECT_REASONS)[number];

/** What each reason means, in one sentence for operators. */
export const REJECT_REASON_MEANINGS: Readonly<Record<RejectReason, string>> = {
  message_version:
    "The message does not begin with version 10 (RFC 7011 §3.1): NetFlow, sFlow, HTTP or TLS on the wrong port.",
  message_length: "The message's length is below its header's 16 octets, or not its datagram's.",
  message_truncated: "The session or datagram ended inside the message.",
  set_length: "A set's length is below its header's 4 octets.",
  set_overrun: "A set is longer than what is left of its message.",
  trailing_octets: "One to three octets follow the last set: too few for a set, and no padding either.",
  template_truncated: "A template record is longer than what is left of its set.",
  template_id: "A template record with fields has an id below 256.",
  scope_field_count: "An options template has no scope field, or more than it has fields (RFC 7011 §3.4.2.2).",
  field_overrun: "A data record is longer than what is left of its set.",
  partial_record: "A fixed-length field of a data record is cut off by the end of its set.",
  request_malformed: "A request of a gRPC stream is not a message of Protocol Buffers.",
};

/**
 * A message that breaks RFC 7011 and is refused as a whole. The offset counts from the first of the octets that were
 * read.
 */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
  /** What is wrong, without the offset, for callers that count from elsewhere. */
  readonly what: string;

  constructor(
    readonly reason: RejectReason,
    message: string,
    /** Offset of the octet at which reading failed. */
    readonly offset: number,
    /** Octets that were needed and available, if that is the reason. */
    readonly extent?: { readonly wanted: number; readonly available: number },
  ) {
    super(
      extent === undefined
        ? `${message} at octet ${offset}`
        : `${message} at octet ${offset}: wanted ${extent.wanted} octets, ${extent.available} available`,
    );
    this.what = message;
  }
}
