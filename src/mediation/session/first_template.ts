import { DecodeError } from "../../ipfix/octets/decode_error.ts";
import { observationDomainOf } from "../../ipfix/message/message_header.ts";
import { OctetReader } from "../../ipfix/octets/octet_reader.ts";
import type { RegistryHistory } from "../../ipfix/registry/registry.ts";
import { setsOfMessage, TEMPLATE_SET_ID } from "../../ipfix/message/set.ts";
import type { Template } from "../../ipfix/record/template.ts";
import { decodeFieldSpecifier, type ResolveElement, templateRecordPlaces } from "../../ipfix/record/template_record.ts";
import type { FirstTemplate } from "../mapping/chain/treatment.ts";

/** Fields of a template past which it is of no release: it is not decoded. */
const MOST_FIELDS = 1_024;

/** What is needed to read a template and what it gives away. */
export interface TemplateReading {
  readonly registryHistory: RegistryHistory;
  readonly detectRelease: (template: Template) => string | undefined;
}

/**
 * Returns what the first template of a message gives away: of the templates whose release is known, the first one, else
 * the very first. Options templates give nothing away.
 *
 * @param message one whole message
 * @returns undefined if there is no template, "malformed" if the message cannot be read
 */
export function firstTemplate(
  message: Uint8Array,
  { registryHistory, detectRelease }: TemplateReading,
): FirstTemplate | "malformed" | undefined {
  const resolve: ResolveElement = (...specifier) => registryHistory.resolve(...specifier);
  let first: FirstTemplate | undefined;
  try {
    for (const { id, contentOffset, end } of setsOfMessage(message, 0, message.length)) {
      if (id !== TEMPLATE_SET_ID) continue;
      const reader = new OctetReader(message, contentOffset, end, "template_truncated");
      for (const { id, fieldCount, scopeFieldCount, fieldsAt } of templateRecordPlaces(reader, "template")) {
        if (fieldCount === 0) continue;
        const observationDomain = observationDomainOf(message);
        const specifiers = new OctetReader(message, contentOffset + fieldsAt, end);
        const fields = fieldCount > MOST_FIELDS
          ? []
          : Array.from({ length: fieldCount }, () => decodeFieldSpecifier(specifiers, resolve));
        const detectedProfile = detectRelease({ id, fields, scopeFieldCount });
        if (detectedProfile !== undefined) return { observationDomain, detectedProfile };
        first ??= { observationDomain };
      }
    }
  } catch (error) {
    if (error instanceof DecodeError) return "malformed";
    throw error;
  }
  return first;
}
