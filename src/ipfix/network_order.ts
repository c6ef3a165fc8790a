/**
 * Numbers in network byte order at an offset that the caller has checked already. An octet that is not there reads as
 * 0. Where nothing has been checked, {@link OctetReader} reads and refuses.
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
