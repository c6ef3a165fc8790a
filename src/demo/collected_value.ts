import type { InformationElement } from "../ipfix/registry/information_element.ts";
import { u16At } from "../ipfix/octets/network_order.ts";

/** A value as a collector shows it: IP and MAC addresses as text, octet arrays in hexadecimal. */
export type CollectedValue = string | number | bigint | boolean;

/** A value has fewer octets than its type needs: Go's runtime panics with "index out of range". */
export class ShortValue extends Error {}

/** Decodes a value as go-ipfix does, which expects no length other than the type's own. */
export function decodeValue({ type }: InformationElement, octets: Uint8Array): CollectedValue {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  switch (type) {
    case "unsigned8":
      return view.getUint8(need(octets, 1));
    case "unsigned16":
      return view.getUint16(need(octets, 2));
    case "unsigned32":
    case "dateTimeSeconds":
      return view.getUint32(need(octets, 4));
    case "unsigned64":
    case "dateTimeMilliseconds":
      return view.getBigUint64(need(octets, 8));
    case "signed8":
      return view.getInt8(need(octets, 1));
    case "signed16":
      return view.getInt16(need(octets, 2));
    case "signed32":
      return view.getInt32(need(octets, 4));
    case "signed64":
      return view.getBigInt64(need(octets, 8));
    case "float32":
      return view.getFloat32(need(octets, 4));
    case "float64":
      return view.getFloat64(need(octets, 8));
    case "boolean":
      return view.getUint8(need(octets, 1)) === 1;
    case "string":
      return new TextDecoder("utf-8", { ignoreBOM: true }).decode(octets);
    case "ipv4Address":
      return octets.join(".");
    case "ipv6Address":
      return ipv6Text(octets);
    case "macAddress":
      return octets.toHex().replaceAll(/(..)(?=.)/g, "$1:");
    default:
      return octets.toHex();
  }
}

/** Returns 0, or throws if the value has fewer octets than this. */
function need(octets: Uint8Array, length: number): 0 {
  if (octets.length >= length) return 0;
  throw new ShortValue(`index out of range [${length - 1}] with length ${octets.length}`);
}

/** Formats an address per RFC 5952, without its mixed notation. */
function ipv6Text(octets: Uint8Array): string {
  if (octets.length !== 16) return octets.toHex();
  const groups = Array.from(
    { length: 8 },
    (_, index) => u16At(octets, 2 * index),
  );
  const text = groups.map((group) => group.toString(16)).join(":");
  const zeros = [...text.matchAll(/(?:^|:)0(?::0)+(?=:|$)/g)].sort((one, other) => other[0].length - one[0].length)[0];
  if (zeros === undefined) return text;
  const before = text.slice(0, zeros.index);
  const after = text.slice(zeros.index + zeros[0].length).replace(/^:/, "");
  return `${before}::${after}`;
}
