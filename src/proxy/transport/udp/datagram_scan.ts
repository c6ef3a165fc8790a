import type { RejectReason } from "../../../ipfix/decode_error.ts";
import { IPFIX_VERSION, MESSAGE_HEADER_LENGTH } from "../../../ipfix/message_header.ts";

const SET_HEADER = 4;
const TEMPLATE_SET = 2;
const OPTIONS_TEMPLATE_SET = 3;
const FIRST_TEMPLATE = 256;
const ENTERPRISE_BIT = 0x8000;
/** Templates of one source that are remembered here; past them nothing is held any more, the rewriter's own caps apply. */
export const KNOWN_TEMPLATES = 4096;

/** Why a datagram is not one message (RFC 7011 §10.3); undefined where it is. */
export function datagramFault(datagram: Uint8Array): RejectReason | undefined {
  if (datagram.length >= 2 && uint16(datagram, 0) !== IPFIX_VERSION) return "message_version";
  if (datagram.length < MESSAGE_HEADER_LENGTH) return "message_truncated";
  const length = uint16(datagram, 2);
  if (length === datagram.length) return undefined;
  return length > datagram.length ? "message_truncated" : "message_length";
}

/**
 * Which templates a message brings, and whether all that its data needs is there: just enough to know what must wait. It does not
 * judge: at the first thing that is broken it stops, and the rewriter says what is wrong.
 *
 * @param message one whole message
 * @param known templates seen so far, by {@link templateKey}; those of this message are added, up to {@link KNOWN_TEMPLATES}
 * @returns `templates`: how many this one brought. `missing`: the first template that data needs and nobody has brought
 */
export function scanTemplates(
  message: Uint8Array,
  known: Set<number>,
): { templates: number; missing: number | undefined } {
  const domain = observationDomainOf(message);
  let templates = 0;
  let missing: number | undefined;
  let start = MESSAGE_HEADER_LENGTH;
  while (start + SET_HEADER <= message.length) {
    const id = uint16(message, start);
    const end = start + uint16(message, start + 2);
    if (end < start + SET_HEADER || end > message.length) break;
    if (id === TEMPLATE_SET || id === OPTIONS_TEMPLATE_SET) {
      templates += scanTemplateSet(
        message,
        start + SET_HEADER,
        end,
        id === OPTIONS_TEMPLATE_SET ? 2 : 0,
        domain,
        known,
      );
    } else if (id >= FIRST_TEMPLATE && !known.has(templateKey(domain, id))) missing ??= id;
    start = end;
  }
  return { templates, missing };
}

/** What a message's header says. */
export function observationDomainOf(message: Uint8Array): number {
  return uint16(message, 12) * 0x10000 + uint16(message, 14);
}

/** One number for a template of an observation domain. */
export function templateKey(observationDomain: number, template: number): number {
  return observationDomain * 0x10000 + template;
}

function scanTemplateSet(
  message: Uint8Array,
  start: number,
  end: number,
  scopeOctets: number,
  domain: number,
  known: Set<number>,
): number {
  let templates = 0;
  while (start + SET_HEADER <= end) {
    const id = uint16(message, start);
    let fields = uint16(message, start + 2);
    if (id < FIRST_TEMPLATE || fields === 0) break;
    start += SET_HEADER + scopeOctets;
    for (; fields > 0 && start + 4 <= end; fields--) {
      start += (uint16(message, start) & ENTERPRISE_BIT) === 0 ? 4 : 8;
    }
    if (fields > 0 || start > end) break;
    if (known.size < KNOWN_TEMPLATES) known.add(templateKey(domain, id));
    templates++;
  }
  return templates;
}

function uint16(octets: Uint8Array, offset: number): number {
  return (octets[offset] ?? 0) << 8 | (octets[offset + 1] ?? 0);
}
