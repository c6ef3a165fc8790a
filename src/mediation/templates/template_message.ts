import { MESSAGE_HEADER_LENGTH, type MessageHeader, writeMessageHeader } from "../../ipfix/message/message_header.ts";
import { SET_HEADER_LENGTH, writeSetHeader } from "../../ipfix/message/set.ts";

/** Octets around a template record or data record that is alone in its message. */
export const MESSAGE_OVERHEAD = MESSAGE_HEADER_LENGTH + SET_HEADER_LENGTH;

/** A message that holds one set of one template record (RFC 7011 §3.4.1, §3.4.2). */
export function templateMessage(
  setId: number,
  record: Uint8Array,
  header: Pick<MessageHeader, "exportTime" | "sequenceNumber" | "observationDomainId">,
): Uint8Array {
  const message = new Uint8Array(MESSAGE_OVERHEAD + record.length);
  writeMessageHeader(message, 0, { ...header, version: 10, length: message.length });
  writeSetHeader(message, MESSAGE_HEADER_LENGTH, setId, SET_HEADER_LENGTH + record.length);
  message.set(record, MESSAGE_OVERHEAD);
  return message;
}
