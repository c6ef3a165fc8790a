/** Where a message lies. */
export interface MessageSource {
  octets: Uint8Array;
  /** Where it begins in the octets. */
  start: number;
  /** Address of the octets in the rewrite loop's memory. */
  address: number;
}
