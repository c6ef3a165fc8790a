import type { TransportProtocol } from "../ipfix/transport_protocol.ts";
import type { AddressPrefix } from "../ipfix/address.ts";
import type { Plugin, PluginDefinition } from "../mediation/mapping/plugin.ts";
import type { Profile } from "../mediation/mapping/profile.ts";
import type { ChooseTreatment } from "../mediation/mapping/treatment.ts";
import type { SocketAddress } from "./yaml/socket_address.ts";

/** The PEM files of a tls listener; paths can be opened as they are. */
export interface ListenerTls {
  readonly certificate: string;
  readonly key: string;
  /** Checks the certificates of exporters. */
  readonly ca?: string;
  /** Whether an exporter without a certificate is refused; never true without `ca`. */
  readonly requireClientCertificate: boolean;
}

/** The PEM files of a tls collector; paths can be opened as they are. */
export interface CollectorTls {
  /** Checks the collector's certificate. */
  readonly ca: string;
  /** Both or neither. */
  readonly certificate?: string;
  readonly key?: string;
  /** The name that the collector's certificate must have; missing: the hostname that is dialled. */
  readonly serverName?: string;
}

/** Where exporters connect. `tls` is there exactly where the transport is tls. */
export interface ListenerSettings {
  readonly transport: TransportProtocol;
  readonly address: SocketAddress;
  readonly tls?: ListenerTls;
}

/** Where records go. The same object for all peers whose collector is the same. */
export interface CollectorSettings {
  readonly transport: TransportProtocol;
  readonly address: SocketAddress;
  readonly tls?: CollectorTls;
}

/** Limits of `limits:`; durations in milliseconds. */
export interface Limits {
  readonly sessions: number;
  readonly templatesPerSession: number;
  readonly templates: number;
  readonly observationDomainsPerSession: number;
  readonly hold: number;
  /** 0: for ever. */
  readonly idle: number;
  readonly partialMessage: number;
  readonly drain: number;
  readonly handshake: number;
}

/** Settings of `cache:`. */
export interface CacheSettings {
  /** Can be opened as it is. */
  readonly file: string;
  /** Milliseconds between two writings at least. */
  readonly interval: number;
  /** Octets of the file at most. */
  readonly size: number;
}

/** One step of a chain, with all that a person wants to know of it. */
export interface ChainStep {
  /** As the YAML names it. */
  readonly use: string;
  /** `with:`, defaults filled in. */
  readonly options: unknown;
  readonly definition: PluginDefinition;
  readonly plugin: Plugin;
}

/** What one peer rule, or the part of the file outside all rules, comes to. */
export interface ResolvedTreatment {
  readonly profile: Profile;
  readonly chain: readonly ChainStep[];
  /** The plugins of the chain, as the mediator takes them. */
  readonly plugins: readonly Plugin[];
}

/** Whether records are rewritten, or relayed untouched while it is only said what would change. */
export type Mode = "rewrite" | "observe";

/** What holds for a whole session: decided when it opens, before any template is known. */
export interface SessionTreatment extends ResolvedTreatment {
  readonly mode: Mode;
  readonly collector: CollectorSettings;
}

/** Whom a peer rule is for: all keys that are there must match. */
export interface PeerMatch {
  readonly address?: AddressPrefix;
  readonly certificateName?: string;
  readonly observationDomain?: number;
  /** The first release line of the era, as {@link detectAntreaRelease} names it. */
  readonly profile?: string;
}

/** A peer rule. */
export interface PeerRule {
  /** `peers[0]` */
  readonly name: string;
  readonly match: PeerMatch;
  /** `match:` as the file has it. */
  readonly matchText: Readonly<Record<string, string | number>>;
  /** What holds for those it matches, where they match no other rule as a session. */
  readonly treatment: SessionTreatment;
}

/** What a session's end of the configuration gives: its collector and mode, and the treatment of each of its templates. */
export interface SessionPlan {
  /** Name of the rule that decided: `peers[0]`; undefined: none matched. */
  readonly rule?: string;
  readonly mode: Mode;
  readonly collector: CollectorSettings;
  /** What the collector expects where no rule for a domain or release says otherwise. */
  readonly profile: Profile;
}

/** A configuration that was checked whole: everything in it exists and fits together. */
export interface Configuration {
  /** The YAML file, as it was named. */
  readonly file: string;
  readonly listeners: readonly ListenerSettings[];
  /** Where no peer rule says otherwise. */
  readonly collector: CollectorSettings;
  /** Where no peer rule says otherwise. */
  readonly mode: Mode;
  /** Where no peer rule says otherwise. */
  readonly treatment: SessionTreatment;
  /** Whether the chain was left to the program. */
  readonly automaticChain: boolean;
  /** In order: the first that matches wins. */
  readonly peers: readonly PeerRule[];
  /** `skewSettle`: milliseconds without skew before it is said that the proxy can be removed. */
  readonly admin: { readonly address: SocketAddress; readonly skewSettle: number };
  readonly limits: Limits;
  /** `values`: whether the last value that each stripped element carried is kept and shown. */
  readonly ledger: { readonly values: boolean };
  readonly log: { readonly level: "debug" | "info" | "warning" | "error"; readonly format: "json" | "text" };
  /** Where the templates of exporters over UDP are kept over a restart; missing: nowhere. */
  readonly cache?: CacheSettings;
  /** Every file that this came from (YAML, profiles, registries, plugins, PEM): a change of one may change the configuration. */
  readonly files: readonly string[];
  /** Every collector that some session may have. */
  readonly collectors: readonly CollectorSettings[];
  /** The treatment of a template: first match wins. Gives the same object for the same rules, always. */
  readonly chooseTreatment: ChooseTreatment;
  /** Collector and mode of a session, from what is known when it opens. */
  chooseSession(peer: { readonly address?: string; readonly certificateName?: string }): SessionPlan;
}
