import type { AbstractDataType } from "../../../ipfix/types/abstract_data_type.ts";

/** What one collector's decoder can take. Nothing that it excludes is ever sent to that collector. */
export interface Dialect {
  readonly name: string;
  /** Messages in one write to the socket; Infinity: no limit. */
  readonly messagesPerWrite: number;
  readonly setsPerMessage: number;
  readonly templateRecordsPerSet: number;
  /** Whether padding octets may stand at the end of a set. */
  readonly setPadding: boolean;
  /** `registry`: the decoder ignores a template's lengths and uses those of its registry, so the two must be equal. */
  readonly fieldLengths: "template" | "registry";
  /** Whether options templates and their data may be sent. */
  readonly optionsTemplates: boolean;
  readonly withdrawals: boolean;
  /** Whether a message without sets may be sent. */
  readonly emptyMessages: boolean;
  /** Octets of the largest datagram, if the collector is reached over UDP. */
  readonly maxDatagram: number;
  /** `observation-domain`: all sessions to the collector share one space of template ids per observation domain. */
  readonly templateScope: "session" | "observation-domain";
  /**
   * The scope is the one that RFC 7011 asks for; nothing says that this collector has it. Then two sessions that
   * disagree about a template are warned of.
   */
  readonly templateScopeAssumed?: true;
  /** Types that the decoder refuses even where it knows the element. */
  readonly undecodableTypes: ReadonlySet<AbstractDataType>;
}

/** RFC 7011 to the letter: no limits but the protocol's own. */
export const RFC7011: Dialect = {
  name: "rfc7011",
  messagesPerWrite: Infinity,
  setsPerMessage: Infinity,
  templateRecordsPerSet: Infinity,
  setPadding: true,
  fieldLengths: "template",
  optionsTemplates: true,
  withdrawals: true,
  emptyMessages: true,
  maxDatagram: 65507,
  templateScope: "session",
  templateScopeAssumed: true,
  undecodableTypes: new Set(),
};

const UNDECODABLE: readonly AbstractDataType[] = [
  "dateTimeMicroseconds",
  "dateTimeNanoseconds",
  "basicList",
  "subTemplateList",
  "subTemplateMultiList",
];

/** The collecting process of go-ipfix v0.12 and later: Antrea v2.3 and later. */
export const GO_IPFIX: Dialect = {
  name: "go-ipfix",
  messagesPerWrite: Infinity,
  setsPerMessage: 1,
  templateRecordsPerSet: 1,
  setPadding: false,
  fieldLengths: "registry",
  optionsTemplates: false,
  withdrawals: false,
  emptyMessages: false,
  maxDatagram: 1024,
  templateScope: "session",
  undecodableTypes: new Set(UNDECODABLE),
};

/**
 * The collecting process of go-ipfix v0.5.6 to v0.11: Antrea v1.2.2 to v2.2. All sessions of an observation domain
 * share templates.
 */
export const GO_IPFIX_LEGACY: Dialect = {
  ...GO_IPFIX,
  name: "go-ipfix-legacy",
  templateScope: "observation-domain",
  undecodableTypes: new Set<AbstractDataType>([...UNDECODABLE, "octetArray"]),
};

/**
 * The collecting process of go-ipfix up to v0.5.5: Antrea up to v1.2.1. It takes what one TCP read returns for whole
 * messages.
 */
export const GO_IPFIX_STREAM_READ: Dialect = { ...GO_IPFIX_LEGACY, name: "go-ipfix-stream-read", messagesPerWrite: 1 };

/** The dialects that configuration can name. */
export const DIALECTS: ReadonlyMap<string, Dialect> = new Map(
  [RFC7011, GO_IPFIX, GO_IPFIX_LEGACY, GO_IPFIX_STREAM_READ].map((dialect) => [dialect.name, dialect]),
);

/**
 * Whether the decoder reads by the template alone and template ids are passed on unchanged, so that values which the
 * proxy cannot parse can be passed on unchanged too.
 */
export function acceptsAnything({ fieldLengths, undecodableTypes, templateScope }: Dialect): boolean {
  return fieldLengths === "template" && undecodableTypes.size === 0 && templateScope === "session";
}
