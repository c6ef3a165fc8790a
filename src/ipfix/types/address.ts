/** Octets of an IPv4 (4) or IPv6 (16) address, in network byte order. */
export type AddressOctets = Uint8Array;

const IPV4_OCTET = /^(?:0|[1-9]\d{0,2})$/;
const IPV6_GROUP = /^[0-9a-fA-F]{1,4}$/;
const IPV4_MAPPED_PREFIX = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff);

/** Parses `192.0.2.1`; undefined for anything else, including leading zeros, which some programs read as octal. */
export function parseIPv4(text: string): AddressOctets | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  const octets = new Uint8Array(4);
  for (const [index, part] of parts.entries()) {
    const value = Number(part);
    if (!IPV4_OCTET.test(part) || value > 255) return undefined;
    octets[index] = value;
  }
  return octets;
}

/** The text of 4 octets. @throws RangeError for another number of octets */
export function formatIPv4(octets: AddressOctets): string {
  checkLength(octets, 4);
  return octets.join(".");
}

/**
 * Parses all forms of RFC 4291 §2.2; undefined for anything else, including a zone (`%eth0`).
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(parseIPv6("::ffff:192.0.2.1")?.subarray(10), Uint8Array.of(255, 255, 192, 0, 2, 1));
 * assert.equal(parseIPv6("1::2::3"), undefined);
 * ```
 */
export function parseIPv6(text: string): AddressOctets | undefined {
  const sides = text.split("::");
  if (sides.length > 2) return undefined;
  const [head, tail] = sides.map((side, index) => parseGroups(side, index === sides.length - 1));
  if (head === undefined) return undefined;
  if (sides.length === 1) return head.length === 16 ? Uint8Array.from(head) : undefined;
  // `::` stands for one group of zeros at least.
  if (tail === undefined || head.length + tail.length > 14) return undefined;
  const octets = new Uint8Array(16);
  octets.set(head);
  octets.set(tail, 16 - tail.length);
  return octets;
}

/**
 * The octets of groups between colons; undefined if one is wrong. An IPv4 address may replace the last two groups of an
 * address.
 */
function parseGroups(text: string, last: boolean): number[] | undefined {
  if (text === "") return [];
  const octets: number[] = [];
  const groups = text.split(":");
  for (const [index, group] of groups.entries()) {
    if (last && index === groups.length - 1 && group.includes(".")) {
      const embedded = parseIPv4(group);
      if (embedded === undefined) return undefined;
      octets.push(...embedded);
    } else {
      if (!IPV6_GROUP.test(group)) return undefined;
      const value = parseInt(group, 16);
      octets.push(value >> 8, value & 0xff);
    }
  }
  return octets;
}

/**
 * The canonical text of 16 octets (RFC 5952); IPv4-mapped addresses in mixed notation (its §5).
 *
 * @throws RangeError for another number of octets
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.equal(formatIPv6(Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1)), "2001:db8::1:0:0:1");
 * ```
 */
export function formatIPv6(octets: AddressOctets): string {
  checkLength(octets, 16);
  if (isIPv4Mapped(octets)) return `::ffff:${formatIPv4(octets.subarray(12))}`;
  const view = new DataView(octets.buffer, octets.byteOffset, 16);
  const groups = Array.from({ length: 8 }, (_, index) => view.getUint16(index * 2));
  const text = (from: number, to: number) => groups.slice(from, to).map((group) => group.toString(16)).join(":");
  const { start, length } = longestZeros(groups);
  if (length < 2) return text(0, 8);
  return `${text(0, start)}::${text(start + length, 8)}`;
}

/** Of several runs of zeros equally long, the first (RFC 5952 §4.2.3). */
function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let longest = { start: 0, length: 0 };
  let start = 0;
  for (const [index, group] of groups.entries()) {
    if (group !== 0) start = index + 1;
    else if (index + 1 - start > longest.length) longest = { start, length: index + 1 - start };
  }
  return longest;
}

/** Parses an address of either family; undefined for anything else. */
export function parseAddress(text: string): AddressOctets | undefined {
  return parseIPv4(text) ?? parseIPv6(text);
}

/** The text of 4 or 16 octets. @throws RangeError for another number of octets */
export function formatAddress(octets: AddressOctets): string {
  return octets.length === 4 ? formatIPv4(octets) : formatIPv6(octets);
}

/** A range of addresses in CIDR notation. */
export interface AddressPrefix {
  /** The range's first address. */
  readonly octets: AddressOctets;
  /** Leading bits that all addresses of the range share. */
  readonly length: number;
}

/**
 * Parses `10.10.0.0/24`, `2001:db8::/32`, or a single address, which is a range of one. Bits after the prefix are
 * ignored: `10.10.0.7/24` is `10.10.0.0/24`. Undefined for anything else.
 */
export function parsePrefix(text: string): AddressPrefix | undefined {
  const [address = "", lengthText, ...more] = text.split("/");
  const octets = parseAddress(address);
  if (octets === undefined || more.length > 0) return undefined;
  if (lengthText === undefined) return { octets, length: octets.length * 8 };
  const length = Number(lengthText);
  if (!IPV4_OCTET.test(lengthText) || length > octets.length * 8) return undefined;
  return { octets: octets.map((octet, index) => octet & octetMask(length, index)), length };
}

/**
 * Whether the address is in the range. An IPv4-mapped IPv6 address counts as the IPv4 address that it stands for,
 * because a listener for both families reports IPv4 peers that way.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const prefix = parsePrefix("10.10.0.0/24");
 * const address = parseAddress("::ffff:10.10.0.7");
 * assert.ok(prefix && address && prefixContains(prefix, address));
 * ```
 */
export function prefixContains(prefix: AddressPrefix, address: AddressOctets): boolean {
  const range = unmapPrefix(prefix);
  const octets = isIPv4Mapped(address) ? address.subarray(12) : address;
  return octets.length === range.octets.length &&
    octets.every((octet, index) => ((octet ^ (range.octets[index] ?? 0)) & octetMask(range.length, index)) === 0);
}

/** Turns a range inside ::ffff:0:0/96 into its range of IPv4 addresses. */
function unmapPrefix(prefix: AddressPrefix): AddressPrefix {
  if (prefix.length < 96 || !isIPv4Mapped(prefix.octets)) return prefix;
  return { octets: prefix.octets.subarray(12), length: prefix.length - 96 };
}

/** Whether the octets are an IPv6 address of ::ffff:0:0/96 (RFC 4291 §2.5.5.2). */
export function isIPv4Mapped(octets: AddressOctets): boolean {
  return octets.length === 16 && IPV4_MAPPED_PREFIX.every((octet, index) => octets[index] === octet);
}

/** Mask of the bits of the octet at this index that belong to a prefix of this many bits. */
function octetMask(length: number, index: number): number {
  const bits = Math.min(8, Math.max(0, length - index * 8));
  return (0xff << (8 - bits)) & 0xff;
}

function checkLength(octets: AddressOctets, length: number): void {
  if (octets.length !== length) throw new RangeError(`${octets.length} octets are not an address of ${length}`);
}
