import { decodeJsonValue, type JsonValue } from "../../ipfix/types/json_value.ts";
import type { LostValue } from "../../mediation/templates/counters.ts";

/** Returns a lost value as JSON. Where only its beginning was kept, an ellipsis follows. */
export function lostValue({ type, length, octets }: LostValue): JsonValue {
  if (length <= octets.length) return decodeJsonValue(type, octets);
  return `${(type === "string" ? wholeCharacters(octets) : undefined) ?? octets.toHex()}…`;
}

/** Decodes UTF-8, leaving out a last character that is incomplete; undefined if the octets are not UTF-8. */
function wholeCharacters(octets: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(octets, { stream: true });
  } catch {
    return undefined;
  }
}
