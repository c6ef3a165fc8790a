/**
 * Why a whole message was refused ("R" in the project's conformance rules). The words are the `reason` label of
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
] as const;

/** One of {@link REJECT_REASONS}. */
export type RejectReason = (typeof REJECT_REASONS)[number];

/** A message that breaks RFC 7011: refused whole. The offset counts octets from where the given octets began. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
  /** What is wrong, without the place: for those whose octets began elsewhere. */
  readonly what: string;

  constructor(
    readonly reason: RejectReason,
    message: string,
    /** Octet at which reading failed. */
    readonly offset: number,
    /** Octets that reading wanted and had, where that is the reason. */
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
