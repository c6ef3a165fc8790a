import type { InformationElement } from "./information_element.ts";

/** The information elements that one program knows, such as one release of a collector. */
export interface Registry {
  /** The name that profiles use: `go-ipfix/v0.16.0`, `iana`, or a path. */
  readonly name: string;
  lookup(pen: number, id: number): InformationElement | undefined;
  /** Looks an element up by IANA's exact spelling. */
  byName(name: string): InformationElement | undefined;
  elements(): Iterable<InformationElement>;
}

/**
 * All elements that any release has known. Incoming templates are read with it. An element whose type or length changed
 * between releases is in it more than once.
 */
export interface RegistryHistory {
  /** The registry of go-ipfix in this version (`v0.16.0`). @throws RangeError for a version outside the history */
  at(version: string): Registry;
  /** The newest state of every element. */
  readonly newest: Registry;
  /**
   * The element of a field specifier. Of several states under this PEN and id it is the newest whose registry length
   * equals the field's; else the newest whose type can have that length (RFC 7011 §6.2); else the newest; else an
   * unknown element. PEN 0 with the enterprise bit is unknown.
   */
  resolve(pen: number, id: number, length: number, enterpriseBit: boolean): InformationElement;
}
