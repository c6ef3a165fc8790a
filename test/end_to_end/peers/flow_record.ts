/** How a record carries its flow's number. Light: the collector's process starts with it, a hundred times. */

/** Digits of a flow's number in its texts: numbers stay below 2^24, which is less. */
export const DIGITS = 8;

/** Observation domains from here on are those of exporters over UDP: numbers are missing where datagrams were lost. */
export const LOSSY_DOMAINS = 0x8000_0000;

/** The observation domain of hostile exporters, of which the collector's process judges nothing. */
export const HOSTILE_DOMAIN = 0x7fff_ffff;

/** Where a record carries its flow's number: three octets, or digits. */
export type NumberPlace = readonly [offset: number, form: "octets" | "digits"];

/** Every record of one template: the same octets but for its number. Goes to the collector's process as JSON. */
export interface FlowLayout {
  /** The template record behind its id, in hexadecimal. */
  readonly template: string;
  /** A record with the number 0, in hexadecimal. */
  readonly record: string;
  readonly places: readonly NumberPlace[];
}

/** Writes a flow's number into its record, which begins at `start`. */
export function writeNumber(octets: Uint8Array, start: number, places: readonly NumberPlace[], flow: number): void {
  for (const [offset, form] of places) {
    const at = start + offset;
    if (form === "octets") {
      octets[at] = flow >>> 16;
      octets[at + 1] = flow >>> 8;
      octets[at + 2] = flow;
    } else {
      let rest = flow;
      for (let digit = DIGITS - 1; digit >= 0; digit--) {
        octets[at + digit] = 48 + rest % 10;
        rest = Math.trunc(rest / 10);
      }
    }
  }
}

/** The number that a record's first field carries. */
export function readNumber(octets: Uint8Array, start: number): number {
  return (octets[start + 1] ?? 0) << 16 | (octets[start + 2] ?? 0) << 8 | (octets[start + 3] ?? 0);
}
