import { foreignProtocol } from "../../ipfix/foreign_protocol.ts";
import {
  IPFIX_VERSION,
  LENGTH_OFFSET,
  MESSAGE_HEADER_LENGTH,
  observationDomainOf,
} from "../../ipfix/message_header.ts";
import { u16At } from "../../ipfix/network_order.ts";
import type { EventFields } from "../reporting/proxy_event.ts";

/** Octets of the whole messages among the first so many of a run of whole messages: what a receiver of those can use. */
export function wholeMessages(messages: Uint8Array, octets: number): number {
  let whole = 0;
  for (;;) {
    const length = messageLength(messages, whole);
    if (length < MESSAGE_HEADER_LENGTH || whole + length > octets) return whole;
    whole += length;
  }
}

/** What the header at this offset says of the message's length; 0 where there is none. */
export function messageLength(messages: Uint8Array, offset: number): number {
  return u16At(messages, offset + LENGTH_OFFSET);
}

/** What a log line says of octets that are no good message: the observation domain where there is one, else what they look like. */
export function describeRejected(octets: Uint8Array): EventFields {
  const protocol = foreignProtocol(octets);
  if (protocol !== undefined) return { protocol };
  if (octets.length < MESSAGE_HEADER_LENGTH) return {};
  return u16At(octets, 0) === IPFIX_VERSION ? { observationDomain: observationDomainOf(octets) } : {};
}
