/** The first octets of files that are not RFC 5655 files, though they may contain one. */
const BEGINNINGS: readonly (readonly [hexadecimal: string, offset: number, name: string])[] = [
  ["7573746172", 257, "a tar archive (tar xO gives a file in it)"],
  ["1f8b", 0, "a gzip file (gunzip it first)"],
  ["d4c3b2a1", 0, "a packet capture (pcap)"],
  ["a1b2c3d4", 0, "a packet capture (pcap)"],
  ["4d3cb2a1", 0, "a packet capture (pcap)"],
  ["a1b23c4d", 0, "a packet capture (pcap)"],
  ["0a0d0d0a", 0, "a packet capture (pcapng)"],
];

/**
 * The kind of file that the octets look like, for messages where someone passes it in place of an IPFIX file.
 *
 * @param octets the first octets of the file; 262 suffice
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.equal(foreignFile(Uint8Array.of(0x0a, 0x0d, 0x0d, 0x0a)), "a packet capture (pcapng)");
 * assert.equal(foreignFile(Uint8Array.of(0, 10, 0, 16)), undefined);
 * ```
 */
export function foreignFile(octets: Uint8Array): string | undefined {
  return BEGINNINGS.find(([hexadecimal, offset]) =>
    octets.subarray(offset, offset + hexadecimal.length / 2).toHex() === hexadecimal
  )?.[2];
}
