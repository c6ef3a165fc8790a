const HTTP = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "PRI"]
  .map((method) => `${method} `).concat("HTTP/");

/**
 * The protocol that octets other than IPFIX look like, such as one sent to the wrong port. For messages to people only.
 *
 * @param octets where a message should begin; a first read may hold only a few of them, which then decide
 * @returns `NetFlow v5`, `sFlow v5`, `TLS`, `HTTP` and the like; undefined if they look like none of these
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.equal(foreignProtocol(Uint8Array.of(0, 9, 0, 1)), "NetFlow v9");
 * assert.equal(foreignProtocol(new TextEncoder().encode("GET / HTTP/1.1")), "HTTP");
 * assert.equal(foreignProtocol(Uint8Array.of(0, 10, 0, 16)), undefined);
 * ```
 */
export function foreignProtocol(octets: Uint8Array): string | undefined {
  const [first = -1, second = -1, third = -1, fourth = -1] = octets;
  if (first === 0) {
    if ([1, 5, 7, 8, 9].includes(second)) return `NetFlow v${second}`;
    if (second === 0 && third === 0 && [2, 4, 5].includes(fourth)) return `sFlow v${fourth}`;
    if (second === 0 && octets.length < 4 && third <= 0) return "sFlow";
  }
  // A handshake or alert record of SSL 3.0 to TLS 1.3.
  if ((first === 0x16 || first === 0x15) && (second === 3 || octets.length === 1) && third <= 4) return "TLS";
  const text = String.fromCharCode(...octets.subarray(0, 8));
  return text !== "" && HTTP.some((begin) => text.startsWith(begin) || begin.startsWith(text)) ? "HTTP" : undefined;
}
