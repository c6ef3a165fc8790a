import { decodeJsonValue, type JsonValue } from "../../ipfix/json_value.ts";
import type { LostValue } from "../../mediation/templates/counters.ts";

/** A value that was lost. Of one that is longer than what was kept: its beginning, and an ellipsis. */
export function lostValue({ type, length, octets }: LostValue): JsonValue {
  if (length <= octets.length) return decodeJsonValue(type, octets);
  return `${(type === "string" ? wholeCharacters(octets) : undefined) ?? octets.toHex()}…`;
}

/** The text without a last character that is cut in two; undefined where it is no UTF-8. */
function wholeCharacters(octets: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(octets, { stream: true });
  } catch {
    return undefined;
  }
}
