import { DEFAULT_CHAIN } from "../../plugins/mod.ts";
import {
  type CollectorPlan,
  type CollectorSettings,
  type Configuration,
  isClusterTls,
  type ListenerSettings,
  type PeerRule,
  type SessionTreatment,
} from "./configuration.ts";
import { formatSocketAddress } from "./yaml/socket_address.ts";
import { shownOptions } from "./shown_options.ts";
import { writtenDuration } from "./written_quantities.ts";
import type { Path } from "./yaml/mistake.ts";
import type { Dialect } from "../mediation/mapping/profile/dialect.ts";

/** The treatment of some exporters, as `check --json` writes it. */
export interface TreatmentDescription {
  readonly mode: string;
  readonly collector: string;
  readonly profile: string;
  readonly dialect: string;
  /** The limits of the collector's decoder, in the words of `dialect:`. */
  readonly dialectLimits: Readonly<Record<string, unknown>>;
  /** The plugins in order, with their options including defaults, as {@link shownOptions} shows them. */
  readonly chain: readonly { readonly use: string; readonly options: unknown }[];
}

/** A resolved configuration, as `check --json` writes it. */
export interface ConfigurationDescription extends TreatmentDescription {
  readonly file: string;
  readonly warnings: Configuration["warnings"];
  /** `tcp 0.0.0.0:24739` */
  readonly listen: readonly string[];
  /** How a restart of the collector is seen, and what that means for a changed profile. */
  readonly restarts: string;
  /** Whom each endpoint trusts, and the certificate it presents. */
  readonly trust: readonly string[];
  readonly peers: readonly (TreatmentDescription & {
    readonly name: string;
    readonly match: PeerRule["matchText"];
    /** The same for a collector that only some exporters have. */
    readonly restarts?: string;
  })[];
  readonly admin: string;
  readonly limits: Configuration["limits"];
  /** Whether lost values are kept and shown. */
  readonly ledger: Configuration["ledger"];
  /** Where the templates of UDP exporters are kept across restarts. */
  readonly cache?: Configuration["cache"];
  readonly log: Configuration["log"];
  /** The cluster that certificates and releases come from. */
  readonly kubernetes?: Configuration["kubernetes"];
  /**
   * Whether the profile is the Aggregator's release, what holds where that is not known, and whether either is known
   * now.
   */
  readonly automaticProfile?: Configuration["automaticProfile"];
}

/** A certificate in a file that the configuration names; or, with `mode` alone, those that come from a cluster. */
export interface CertificateDescription {
  readonly path: string;
  readonly mode?: string;
  readonly file?: string;
  readonly subject?: string;
  readonly names?: readonly string[];
  readonly issuer?: string;
  readonly validFrom?: Date;
  readonly expiresAt?: Date;
}

/** Describes the certificates in the files of a configuration. */
export function describeCertificates({ certificates }: Configuration): CertificateDescription[] {
  return certificates.flatMap(({ path, file, mode, certificates }): CertificateDescription[] =>
    file === undefined
      ? [{ path, ...(mode === undefined ? {} : { mode }) }]
      : certificates.map(({ role: _, ...details }) => ({ path, file, ...details }))
  );
}

/** Describes a resolved configuration. */
export function describe(configuration: Configuration): ConfigurationDescription {
  const {
    file,
    listeners,
    collectors,
    treatment,
    peers,
    admin,
    limits,
    ledger,
    log,
    cache,
    kubernetes,
    automaticProfile,
    warnings,
  } = configuration;
  return {
    file,
    warnings,
    listen: listeners.map(listenerEndpoint),
    ...describeTreatment(configuration, treatment),
    restarts: restarts(configuration, configuration.plans[0], ["collector"]),
    trust: [...listeners.map(listenerTrust), ...collectors.map(collectorTrust)],
    peers: peers.map(({ name, matchText, treatment }, index) => {
      const other = configuration.plans.slice(1).find(({ collector }) => collector === treatment.collector);
      const own = other === undefined
        ? {}
        : { restarts: restarts(configuration, other, ["peers", index, "collector"]) };
      return { name, match: matchText, ...describeTreatment(configuration, treatment), ...own };
    }),
    admin: formatSocketAddress(admin.address),
    limits,
    ledger,
    log,
    ...(cache === undefined ? {} : { cache }),
    ...(kubernetes === undefined ? {} : { kubernetes }),
    ...(automaticProfile === undefined ? {} : { automaticProfile }),
  };
}

function restarts(configuration: Configuration, { collector, switch: when }: CollectorPlan, path: Path): string {
  const { transport, watch, templateRefresh = 30_000 } = collector;
  const seen = transport !== "udp"
    ? "seen at once, by a connection on which nothing is sent"
    : watch !== undefined
    ? `seen at once, by a connection to ${formatSocketAddress(watch)}`
    : `not seen (collector.watch would); templates are sent again every ${
      writtenDuration(configuration, [...path, "templateRefresh"], templateRefresh)
    }`;
  return `${seen}; a changed profile takes effect ${when === "now" ? "at once" : "with the next one"}`;
}

/** What is described of a treatment. */
type Described = Pick<SessionTreatment, "mode" | "collector" | "profile" | "chain">;

function describeTreatment(
  { automaticProfile, automaticChain, treatment }: Configuration,
  described: Described,
): TreatmentDescription {
  const isFollowed = automaticProfile !== undefined && automaticProfile.known === undefined;
  if (!isFollowed || described.profile !== treatment.profile) return describeKnown(described);
  const { fallback } = automaticProfile;
  const until = fallback === undefined ? "no exporter is let in" : `it is treated as ${fallback}`;
  const profile = `auto: followed from the cluster; until the release is known, ${until}`;
  if (fallback !== undefined) return { ...describeKnown(described), profile };
  // What stands in for the profile is never in effect.
  const { mode, collector, chain } = described;
  const steps = automaticChain ? DEFAULT_CHAIN.map(({ name }) => ({ use: name, options: {} })) : chain;
  return {
    mode,
    collector: endpoint(collector),
    profile,
    dialect: "auto",
    dialectLimits: {},
    chain: steps.map(({ use, options }) => ({ use, options: shownOptions(options) })),
  };
}

function describeKnown({ mode, collector, profile, chain }: Described): TreatmentDescription {
  return {
    mode,
    collector: endpoint(collector),
    profile: profile.name,
    dialect: profile.dialect.name,
    dialectLimits: dialectLimits(profile.dialect),
    chain: chain.map(({ use, options }) => ({ use, options: shownOptions(options) })),
  };
}

function dialectLimits(
  { name: _, templateScopeAssumed: _assumed, ...limits }: Dialect,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(limits).map((
      [key, value],
    ) => [key, value === Infinity ? "unlimited" : value instanceof Set ? [...value] : value]),
  );
}

function endpoint({ transport, address }: ListenerSettings | CollectorSettings): string {
  return `${transport} ${formatSocketAddress(address)}`;
}

function listenerEndpoint(listener: ListenerSettings): string {
  const shared = listener.templates === "address" ? ", templates of all ports of an address" : "";
  return `${endpoint(listener)}${shared}`;
}

function listenerTrust(listener: ListenerSettings): string {
  const { tls } = listener;
  if (tls === undefined) return `${endpoint(listener)}: anyone who can reach it`;
  if (isClusterTls(tls)) {
    return `${endpoint(listener)}: Agents with the Aggregator's client certificate; certificate by mode ${tls.mode}`;
  }
  const who = tls.requireClientCertificate ? `exporters with a certificate of ${tls.ca}` : "any exporter";
  return `${endpoint(listener)}: ${who}; shows ${tls.certificate}`;
}

function collectorTrust(collector: CollectorSettings): string {
  const { tls } = collector;
  if (tls === undefined) return `${endpoint(collector)}: whatever answers there`;
  if (isClusterTls(tls)) {
    const name = tls.serverName ?? "the Aggregator's Service";
    return `${
      endpoint(collector)
    }: ${name}, with a certificate of the Aggregator's CA; shows the Agents' certificate (${tls.mode})`;
  }
  const name = tls.serverName ?? collector.address.hostname;
  const shown = tls.certificate === undefined ? "shows no certificate" : `shows ${tls.certificate}`;
  return `${endpoint(collector)}: ${name}, with a certificate of ${tls.ca}; ${shown}`;
}
