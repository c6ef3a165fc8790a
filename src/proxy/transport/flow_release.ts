import type { FieldSpecifier } from "../../ipfix/record/template.ts";

/** The templates that a release of an exporter of flows sends over IPFIX. */
export interface FlowRelease {
  readonly ipv4: readonly FieldSpecifier[];
  readonly ipv6: readonly FieldSpecifier[];
}
