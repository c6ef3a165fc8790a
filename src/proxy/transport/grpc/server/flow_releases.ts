import { encodeTemplateRecord } from "../../../../ipfix/record/template_record.ts";
import { SET_HEADER_LENGTH, TEMPLATE_SET_ID, writeSetHeader } from "../../../../ipfix/message/set.ts";
import type { Template } from "../../../../ipfix/record/template.ts";
import type { FlowRelease } from "../../flow_release.ts";
import { flowFieldAt } from "../flow/flow_fields.ts";
import { type RecordShape, recordShape } from "../flow/flow_record.ts";
import type { FlowValues } from "../flow/flow_values.ts";

/** The template ids that Agents use in every session. They announce IPv4 first. */
export const IPV4_TEMPLATE = 256;
export const IPV6_TEMPLATE = 257;

/** A release, prepared for writing messages. */
export interface CompiledRelease {
  /** The template sets to announce, in order. */
  readonly templateSets: readonly Uint8Array[];
  readonly ipv4: RecordShape;
  readonly ipv6: RecordShape;
}

const CLUSTER_ADDRESS = flowFieldAt("k8s.destination_cluster_ip");
const SERVICE_ADDRESS = flowFieldAt("k8s.destination_service_ip");
const SNAT_ADDRESS = flowFieldAt("proxy_snat_ip");
const SNAT_PORT = flowFieldAt("proxy_snat_port");

/** The releases of exporters, and which of them a flow comes from. */
export class FlowReleases {
  readonly #newest: CompiledRelease;
  /** The newest release with `app`. */
  readonly #app: CompiledRelease;
  /** The newest release with a cluster address, but neither a Service address nor `app`. */
  readonly #cluster: CompiledRelease;

  /** @param releases oldest first, at least one */
  constructor(releases: readonly FlowRelease[]) {
    const compiled = releases.map(compile);
    const newest = compiled.at(-1);
    if (newest === undefined) throw new RangeError("flows need the templates of one release at least");
    this.#newest = newest;
    this.#app = compiled.findLast(({ ipv4 }) => ipv4.app) ?? newest;
    this.#cluster = compiled.findLast(({ ipv4 }) => !ipv4.app && ipv4.missing.includes(SERVICE_ADDRESS)) ?? newest;
  }

  /**
   * The release that a flow comes from: v2.4 and v2.5 always set `app`, v2.7 both addresses of a Service, v2.6 one.
   *
   * @param before the release that earlier flows showed, for a flow that shows none
   */
  detect(values: FlowValues, before: CompiledRelease | undefined): CompiledRelease {
    if (values.app) return this.#app;
    if (values.isSet(SERVICE_ADDRESS) || values.isSet(SNAT_ADDRESS) || values.isSet(SNAT_PORT)) return this.#newest;
    if (values.isSet(CLUSTER_ADDRESS)) return this.#cluster;
    return before ?? this.#newest;
  }
}

function compile(release: FlowRelease): CompiledRelease {
  const ipv4 = { id: IPV4_TEMPLATE, fields: release.ipv4, scopeFieldCount: 0 };
  const ipv6 = { id: IPV6_TEMPLATE, fields: release.ipv6, scopeFieldCount: 0 };
  return { templateSets: [templateSet(ipv4), templateSet(ipv6)], ipv4: recordShape(ipv4), ipv6: recordShape(ipv6) };
}

function templateSet(template: Template): Uint8Array {
  const record = encodeTemplateRecord(template);
  const set = new Uint8Array(SET_HEADER_LENGTH + record.length);
  set.set(record, SET_HEADER_LENGTH);
  writeSetHeader(set, 0, TEMPLATE_SET_ID, set.length);
  return set;
}
