/**
 * The abstract data types of RFC 7011 §6.1 and RFC 6313 §4.4, in the order of IANA's registry (the index is IANA's
 * number).
 */
export const ABSTRACT_DATA_TYPES = [
  "octetArray",
  "unsigned8",
  "unsigned16",
  "unsigned32",
  "unsigned64",
  "signed8",
  "signed16",
  "signed32",
  "signed64",
  "float32",
  "float64",
  "boolean",
  "macAddress",
  "string",
  "dateTimeSeconds",
  "dateTimeMilliseconds",
  "dateTimeMicroseconds",
  "dateTimeNanoseconds",
  "ipv4Address",
  "ipv6Address",
  "basicList",
  "subTemplateList",
  "subTemplateMultiList",
] as const;

/** One abstract data type, by its name in IANA's registry. */
export type AbstractDataType = (typeof ABSTRACT_DATA_TYPES)[number];

/** The length of a variable-length field in a field specifier (RFC 7011 §7). */
export const VARIABLE_LENGTH = 65535;

const NATURAL_LENGTHS: Readonly<Record<AbstractDataType, number>> = {
  octetArray: VARIABLE_LENGTH,
  unsigned8: 1,
  unsigned16: 2,
  unsigned32: 4,
  unsigned64: 8,
  signed8: 1,
  signed16: 2,
  signed32: 4,
  signed64: 8,
  float32: 4,
  float64: 8,
  boolean: 1,
  macAddress: 6,
  string: VARIABLE_LENGTH,
  dateTimeSeconds: 4,
  dateTimeMilliseconds: 8,
  dateTimeMicroseconds: 8,
  dateTimeNanoseconds: 8,
  ipv4Address: 4,
  ipv6Address: 16,
  basicList: VARIABLE_LENGTH,
  subTemplateList: VARIABLE_LENGTH,
  subTemplateMultiList: VARIABLE_LENGTH,
};

/**
 * Octets of a value of this type without reduced-size encoding; {@link VARIABLE_LENGTH} if the type has no fixed size.
 */
export function naturalLength(type: AbstractDataType): number {
  return NATURAL_LENGTHS[type];
}

const REDUCIBLE: ReadonlySet<AbstractDataType> = new Set<AbstractDataType>([
  "unsigned16",
  "unsigned32",
  "unsigned64",
  "signed16",
  "signed32",
  "signed64",
]);

/** The list types of RFC 6313. */
export type ListType = Extract<AbstractDataType, "basicList" | "subTemplateList" | "subTemplateMultiList">;

const STRUCTURED: ReadonlySet<AbstractDataType> = new Set<ListType>([
  "basicList",
  "subTemplateList",
  "subTemplateMultiList",
]);

/** Whether the type is a list of RFC 6313. */
export function isStructured(type: AbstractDataType): type is ListType {
  return STRUCTURED.has(type);
}

/** Whether the type is a signed integer, whose reduced sizes sign-extend (RFC 7011 §6.2). */
export function isSigned(type: AbstractDataType): boolean {
  return type === "signed8" || type === "signed16" || type === "signed32" || type === "signed64";
}

/**
 * Whether a field specifier of this type may have this length: the type's own, a reduced size where RFC 7011 §6.2
 * allows one (16 to 64 bit integers, float64 in 4 octets), any length, 0 as well, for strings, octet arrays and lists.
 */
export function isLengthOfType(type: AbstractDataType, length: number): boolean {
  const natural = NATURAL_LENGTHS[type];
  if (natural === VARIABLE_LENGTH || length === natural) return true;
  if (type === "float64") return length === 4;
  return REDUCIBLE.has(type) && length >= 1 && length < natural;
}
