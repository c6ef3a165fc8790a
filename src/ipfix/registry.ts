import type { InformationElement } from "./information_element.ts";

/** The information elements that one program (say, one release of a collector) knows. */
export interface Registry {
  /** As a profile names it: `go-ipfix/v0.16.0`, `iana`, or a path. */
  readonly name: string;
  lookup(pen: number, id: number): InformationElement | undefined;
  /** By IANA's spelling, exactly. */
  byName(name: string): InformationElement | undefined;
  elements(): Iterable<InformationElement>;
}

/**
 * All that any release ever knew: what a template that comes in is read with. An element that changed its type or
 * length over the releases stands here more than once.
 */
export interface RegistryHistory {
  /** What go-ipfix of this version (`v0.16.0`) knew. @throws RangeError for a version outside the history. */
  at(version: string): Registry;
  /** The newest state of every element. */
  readonly newest: Registry;
  /**
   * The element of a field specifier: of several that ever stood under this PEN and id, the newest whose registry
   * length it has; else the newest whose type can have the length (RFC 7011 §6.2); else the newest; else an unknown
   * element. PEN 0 with the enterprise bit is unknown.
   */
  resolve(pen: number, id: number, length: number, enterpriseBit: boolean): InformationElement;
}
