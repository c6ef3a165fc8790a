/** The chains that reloads of the tests go to and fro between, and what records of each Agent become by them. */
import { COLLECTOR } from "./peers/fleet.ts";
import type { FlowLayout } from "./peers/flow_record.ts";
import { flowLayouts } from "./peers/flows.ts";
import type { ProxyConfiguration } from "./proxy.ts";

const APP_PROTOCOL_NAME = "56506/155";
const HTTP_VALS = "56506/156";
const PADDED = "from the first chain";

/** Agents that the collector of v1.15 cannot take, one that it can, one that says less than it wants. */
export const RELEASES = ["v2.0.0", COLLECTOR, "v1.13.0"] as const;

/** A newer Agent loses a field, an older one is given two, with these values; all in the collector's own layout. */
export const PADDING: ProxyConfiguration["plugins"] = [
  { use: "strip-unknown", with: { remove: "unexpected" } },
  { use: "pad-missing", with: { values: { appProtocolName: PADDED } } },
  { use: "match-order" },
];

/** All lose one more field, nobody is given anything: other layouts under the same template ids. */
export const STRIPPING: ProxyConfiguration["plugins"] = [
  { use: "strip-unknown", with: { remove: "unknown", also: ["httpVals"] } },
];

/** What a record is by one chain: the layouts of both families, which several releases may share. */
export interface Outcome {
  readonly chain: "padding" | "stripping";
  readonly layouts: readonly FlowLayout[];
}

/** Every outcome of every release by both chains. */
export const OUTCOMES: readonly Outcome[] = [
  { chain: "padding", layouts: flowLayouts(COLLECTOR) },
  { chain: "stripping", layouts: flowLayouts(COLLECTOR, { without: [HTTP_VALS] }) },
  {
    chain: "padding",
    layouts: flowLayouts(COLLECTOR, { fixed: { [APP_PROTOCOL_NAME]: PADDED, [HTTP_VALS]: "" } }),
  },
  { chain: "stripping", layouts: flowLayouts("v1.13.0") },
];
