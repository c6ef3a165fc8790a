import { MESSAGE_HEADER_LENGTH, observationDomainOf } from "../../../ipfix/message_header.ts";
import { u16At } from "../../../ipfix/network_order.ts";
import {
  MINIMUM_DATA_SET_ID,
  OPTIONS_TEMPLATE_SET_ID,
  SET_HEADER_LENGTH,
  TEMPLATE_SET_ID,
} from "../../../ipfix/set.ts";
import { ENTERPRISE_BIT, TEMPLATE_HEADER_LENGTH } from "../../../ipfix/template_record.ts";

/** Templates known per source. Above that no datagram is held back, and the rewriter's own limits apply. */
export const KNOWN_TEMPLATES = 4096;

/**
 * Finds the templates in a message, and whether its data sets need one that is unknown. It stops at the first malformed
 * set, which the rewriter will report.
 *
 * @param message one whole message
 * @param known keys of the known templates ({@link templateKey}); those of this message are added, up to {@link
 *   KNOWN_TEMPLATES}
 * @returns `templates`: how many the message contains. `missing`: the first unknown template that a data set needs
 */
export function scanTemplates(
  message: Uint8Array,
  known: Set<number>,
): { templates: number; missing: number | undefined } {
  const domain = observationDomainOf(message);
  let templates = 0;
  let missing: number | undefined;
  let start = MESSAGE_HEADER_LENGTH;
  while (start + SET_HEADER_LENGTH <= message.length) {
    const id = u16At(message, start);
    const end = start + u16At(message, start + 2);
    if (end < start + SET_HEADER_LENGTH || end > message.length) break;
    if (id === TEMPLATE_SET_ID || id === OPTIONS_TEMPLATE_SET_ID) {
      templates += scanTemplateSet(
        message,
        start + SET_HEADER_LENGTH,
        end,
        id === OPTIONS_TEMPLATE_SET_ID ? 2 : 0,
        domain,
        known,
      );
    } else if (id >= MINIMUM_DATA_SET_ID && !known.has(templateKey(domain, id))) missing ??= id;
    start = end;
  }
  return { templates, missing };
}

/** Combines an observation domain and a template id into one number. */
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
