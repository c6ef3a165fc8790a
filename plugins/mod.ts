import type { PluginDefinition } from "@ipfix-skew-proxy/proxy/plugin";
import annotateExporter from "./annotate-exporter/mod.ts";
import mapFields from "./map-fields/mod.ts";
import matchOrder from "./match-order/mod.ts";
import padMissing from "./pad-missing/mod.ts";
import stripUnknown from "./strip-unknown/mod.ts";

/**
 * The plugins shipped, in the order in which a chain should name them. `use:` finds them here by name.
 */
export const SHIPPED: readonly PluginDefinition[] = [
  // First, while everything that the exporter sent is still there: a field under its new name may be one that is
  // expected.
  mapFields,
  // Then what the collector cannot take is removed, so that later plugins need not consider it.
  stripUnknown,
  // Before pad-missing, which would fill an expected originalExporterIPv4Address with zeros; after strip-unknown, which
  // would judge what it adds. Not in the default chain.
  annotateExporter,
  // Then what is missing is added, each element at its place in the list,
  padMissing,
  // and finally everything is put in order.
  matchOrder,
];

/** The chain of a configuration without `plugins:`, each plugin with its default options. */
export const DEFAULT_CHAIN: readonly PluginDefinition[] = SHIPPED.filter((plugin) => plugin !== annotateExporter);
