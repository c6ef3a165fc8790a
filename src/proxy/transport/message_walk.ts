import { foreignProtocol } from "../../ipfix/message/foreign_protocol.ts";
import {
  IPFIX_VERSION,
  LENGTH_OFFSET,
  MESSAGE_HEADER_LENGTH,
  observationDomainOf,
} from "../../ipfix/message/message_header.ts";
import { u16At } from "../../ipfix/octets/network_order.ts";
import type { EventFields } from "../reporting/proxy_event.ts";

/** Returns the octets of the messages that lie entirely within the first `octets` of a sequence of whole messages. */
export function wholeMessages(messages: Uint8Array, octets: number): number {
  let whole = 0;
  for (;;) {
    const length = messageLength(messages, whole);
    if (length < MESSAGE_HEADER_LENGTH || whole + length > octets) return whole;
    whole += length;
  }
}

/** Returns the message length in the header at this offset; 0 if there is none. */
export function messageLength(messages: Uint8Array, offset: number): number {
  return u16At(messages, offset + LENGTH_OFFSET);
}

/** Describes octets that are not a valid message: the observation domain, or the protocol that they look like. */
export function describeRejected(octets: Uint8Array): EventFields {
  const protocol = foreignProtocol(octets);
  if (protocol !== undefined) return { protocol };
  if (octets.length < MESSAGE_HEADER_LENGTH) return {};
  return u16At(octets, 0) === IPFIX_VERSION ? { observationDomain: observationDomainOf(octets) } : {};
}
