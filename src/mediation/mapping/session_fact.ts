import type { SessionFact } from "./template_mapping.ts";

/** Length of the fact's value in octets. */
export function sessionFactLength(fact: SessionFact): number {
  return fact === "exporterIPv6Address" ? 16 : 4;
}

/** The values of session facts, each in the octets of its element. */
export interface SessionFactValues {
  /** 4 or 16 octets; undefined if not known. */
  readonly exporterAddress: Uint8Array | undefined;
  readonly observationDomain: number;
}

/** The octets of one fact; zeros for an address of the other family. */
export function sessionFactOctets(
  fact: SessionFact,
  { exporterAddress, observationDomain }: SessionFactValues,
): Uint8Array {
  const octets = new Uint8Array(sessionFactLength(fact));
  if (fact === "observationDomainId") new DataView(octets.buffer).setUint32(0, observationDomain);
  else if (exporterAddress?.length === octets.length) octets.set(exporterAddress);
  return octets;
}
