import { MESSAGE_HEADER_LENGTH, observationDomainOf } from "../../../ipfix/message/message_header.ts";
import { u16At } from "../../../ipfix/octets/network_order.ts";
import {
  MINIMUM_DATA_SET_ID,
  OPTIONS_TEMPLATE_SET_ID,
  SET_HEADER_LENGTH,
  TEMPLATE_SET_ID,
} from "../../../ipfix/message/set.ts";
import { ENTERPRISE_BIT, TEMPLATE_HEADER_LENGTH } from "../../../ipfix/record/template_record.ts";

/** Templates known per source. Above that no datagram is held back, and the rewriter's own limits apply. */
export const KNOWN_TEMPLATES = 4096;

/** What a scan found in a message. */
export interface DatagramScan {
  /** How many templates the message contains. */
  readonly templates: number;
  /** Offsets of the data sets whose template is not known where they stand; undefined if there are none. */
  readonly missing: readonly number[] | undefined;
}

/**
 * Finds the templates in a message, and the data sets that need an unknown one. A message with a malformed set is left
 * whole to the rewriter, which refuses it: no set of it is reported as missing its template.
 *
 * @param message one whole message
 * @param known keys of the known templates ({@link templateKey}); those of this message are added, up to {@link
 *   KNOWN_TEMPLATES}
 */
export function scanTemplates(message: Uint8Array, known: Set<number>): DatagramScan {
  const domain = observationDomainOf(message);
  let templates = 0;
  let missing: number[] | undefined;
  let start = MESSAGE_HEADER_LENGTH;
  while (start + SET_HEADER_LENGTH <= message.length) {
    const id = u16At(message, start);
    const end = start + u16At(message, start + 2);
    if (end < start + SET_HEADER_LENGTH || end > message.length) return { templates, missing: undefined };
    if (isTemplateSet(id)) templates += scanTemplateSet(message, start, end, domain, known);
    else if (id >= MINIMUM_DATA_SET_ID && !known.has(templateKey(domain, id))) (missing ??= []).push(start);
    start = end;
  }
  return { templates, missing: start === message.length ? missing : undefined };
}

/** Whether sets of this id contain templates or options templates. */
export function isTemplateSet(id: number): boolean {
  return id === TEMPLATE_SET_ID || id === OPTIONS_TEMPLATE_SET_ID;
}

/** Combines an observation domain and a template id into one number. */
export function templateKey(observationDomain: number, template: number): number {
  return observationDomain * 0x10000 + template;
}

/**
 * Adds the keys of the templates in one set.
 *
 * @param start offset of the set's header
 * @param end offset behind the set
 * @returns how many templates the set contains
 */
export function scanTemplateSet(
  message: Uint8Array,
  start: number,
  end: number,
  domain: number,
  known: Set<number>,
): number {
  const scopeOctets = u16At(message, start) === OPTIONS_TEMPLATE_SET_ID ? 2 : 0;
  let templates = 0;
  start += SET_HEADER_LENGTH;
  while (start + TEMPLATE_HEADER_LENGTH <= end) {
    const id = u16At(message, start);
    let fields = u16At(message, start + 2);
    if (id < MINIMUM_DATA_SET_ID || fields === 0) break;
    start += TEMPLATE_HEADER_LENGTH + scopeOctets;
    for (; fields > 0 && start + 4 <= end; fields--) {
      start += (u16At(message, start) & ENTERPRISE_BIT) === 0 ? 4 : 8;
    }
    if (fields > 0 || start > end) break;
    if (known.size < KNOWN_TEMPLATES) known.add(templateKey(domain, id));
    templates++;
  }
  return templates;
}
