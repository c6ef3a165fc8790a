import type { AbstractDataType } from "../types/abstract_data_type.ts";
import { VARIABLE_LENGTH } from "../types/abstract_data_type.ts";

/** The private enterprise number under which RFC 5103 puts the reverse direction of an IANA element. */
export const REVERSE_PEN = 29305;

/** An information element (RFC 7011 §2), as a registry knows it or as a template names it. */
export interface InformationElement {
  /** Private enterprise number; 0 for IANA's own elements. */
  readonly pen: number;
  /** 0 to 32767, without the enterprise bit. */
  readonly id: number;
  /** IANA's spelling; `pen/id` where no registry knows it. */
  readonly name: string;
  readonly type: AbstractDataType;
  /** Octets in the registry (the unreduced size); 65535 for variable. */
  readonly length: number;
  /** False if no registry has it; its type is then octetArray and its name `pen/id`. */
  readonly known: boolean;
  /** Whether the field specifier has the enterprise bit. With PEN 0 it is an unknown element. */
  readonly enterpriseBit: boolean;
}

/** The element of a field specifier that no registry knows. */
export function unknownElement(pen: number, id: number, enterpriseBit = pen !== 0): InformationElement {
  return { pen, id, name: `${pen}/${id}`, type: "octetArray", length: VARIABLE_LENGTH, known: false, enterpriseBit };
}

/** Whether two elements are the same on the wire: enterprise bit, PEN and id are equal. */
export function sameElement(one: InformationElement, other: InformationElement): boolean {
  return one.id === other.id && one.pen === other.pen && one.enterpriseBit === other.enterpriseBit;
}

/** A key that two elements share only if they are {@link sameElement}. */
export function elementKey({ pen, id, enterpriseBit }: InformationElement): string {
  return enterpriseBit ? `${pen}/${id}` : `${id}`;
}
