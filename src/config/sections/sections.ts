import { z } from "zod";
import type { PluginList } from "./chains.ts";
import type { Mode } from "../configuration.ts";
import {
  type CollectorChoice,
  collectorSchema,
  configurationSchema,
  listenerSchema,
  MOST_PEERS,
  type PeerMatchChoice,
  peerSchema,
  type PluginChoice,
  pluginSchema,
} from "../schema/configuration_schema.ts";
import type { Path } from "../yaml/mistake.ts";
import type { ConfigurationReader } from "../configuration_reader.ts";

const unchecked = z.array(z.unknown()).optional();

/**
 * The root without its entries, which are checked one by one so that a mistake in one does not hide mistakes in others.
 */
const rootSchema = configurationSchema.extend({
  listen: z.array(z.unknown()).min(1),
  collector: z.unknown().optional(),
  plugins: unchecked,
  peers: z.array(z.unknown()).max(MOST_PEERS).optional(),
});

const peerRootSchema = peerSchema.extend({ collector: z.unknown().optional(), plugins: unchecked });
const peerCollectorSchema = peerSchema.shape.collector.unwrap();

/** Reads the sections of a configuration file, each by itself. A value with mistakes is undefined. */
export function readSections(reader: ConfigurationReader) {
  const { document } = reader;
  const root = reader.checkParts(rootSchema, [], document.value ?? {}) ?? {};
  return {
    ...root,
    listen: (root.listen ?? []).map((_, index) => reader.checkParts(listenerSchema, ["listen", index])),
    collector: reader.checkParts(collectorSchema, ["collector"]) ?? {},
    plugins: pluginList(reader, ["plugins"], root.plugins),
    peers: (root.peers ?? []).map((_, index) => readPeer(reader, ["peers", index])),
  };
}

/** The sections that {@link readSections} returns. */
export type Sections = ReturnType<typeof readSections>;

/** One peer rule. */
export interface PeerSection {
  readonly path: Path;
  readonly match?: PeerMatchChoice | undefined;
  readonly mode?: Mode | undefined;
  readonly collector?: Optional<CollectorChoice> | undefined;
  readonly plugins?: PluginList | undefined;
}

type Optional<Value> = { readonly [Key in keyof Value]?: Value[Key] | undefined };

function readPeer(reader: ConfigurationReader, path: Path): PeerSection {
  const { collector, plugins, ...peer } = reader.checkParts(peerRootSchema, path) ?? {};
  return {
    ...peer,
    path,
    collector: collector === undefined
      ? undefined
      : reader.checkParts(peerCollectorSchema, [...path, "collector"]) ?? {},
    plugins: pluginList(reader, [...path, "plugins"], plugins),
  };
}

function pluginList(
  reader: ConfigurationReader,
  path: Path,
  list: readonly unknown[] | undefined,
): PluginList | undefined {
  if (list === undefined) return undefined;
  const choices = list.map((_, index): PluginChoice | undefined => reader.check(pluginSchema, [...path, index])?.value);
  return { path, choices };
}
