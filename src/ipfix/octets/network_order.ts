/**
 * Reads numbers in network byte order at an offset that the caller has checked. A missing octet reads as 0. For
 * unchecked input there is `OctetReader`, which refuses what is not there.
 *
 * @module
 */

/** The unsigned 16-bit number at this offset. */
export function u16At(octets: Uint8Array, offset: number): number {
  return (octets[offset] ?? 0) << 8 | (octets[offset + 1] ?? 0);
}

/** The unsigned 32-bit number at this offset. */
export function u32At(octets: Uint8Array, offset: number): number {
  return u16At(octets, offset) * 0x10000 + u16At(octets, offset + 2);
}
