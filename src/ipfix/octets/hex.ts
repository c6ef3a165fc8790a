/** Two lower-case hexadecimal digits an octet. */
export function formatHex(octets: Uint8Array, separator = ""): string {
  return Array.from(octets, (octet) => octet.toString(16).padStart(2, "0")).join(separator);
}

/**
 * Reads pairs of hexadecimal digits, all of them together (`0a1b`) or all apart by `:` or `-` (`0a:1b`); undefined for
 * anything else. Without digits it is empty.
 */
export function parseHex(text: string): Uint8Array | undefined {
  if (text === "") return new Uint8Array();
  if (!/^[0-9a-f]{2}(?:(?:[0-9a-f]{2})*|(?::[0-9a-f]{2})*|(?:-[0-9a-f]{2})*)$/i.test(text)) return undefined;
  return Uint8Array.from(text.match(/[0-9a-f]{2}/gi) ?? [], (pair) => parseInt(pair, 16));
}
