import type { TransportProtocol } from "../ipfix/message/transport_protocol.ts";
import type { AddressPrefix } from "../ipfix/types/address.ts";
import type { Plugin } from "../mediation/mapping/plugin.ts";
import type { Profile } from "../mediation/mapping/profile/profile.ts";
import type { ChooseTreatment, FirstTemplate } from "../mediation/mapping/chain/treatment.ts";
import type { CertificateDetails } from "../certificates/certificate_details.ts";
import type { Mistake, Path } from "./yaml/mistake.ts";
import type { SocketAddress } from "./yaml/socket_address.ts";

/** The PEM files of a tls listener; paths are resolved. */
export interface ListenerTls {
  readonly certificate: string;
  readonly key: string;
  /** Checks the certificates of exporters. */
  readonly ca?: string;
  /** Whether an exporter without a certificate is refused; never true without `ca`. */
  readonly requireClientCertificate: boolean;
}

/** The PEM files of a tls collector; paths are resolved. */
export interface CollectorTls {
  /** Checks the collector's certificate. */
  readonly ca: string;
  /** Given together with `key`, or not at all. */
  readonly certificate?: string;
  readonly key?: string;
  /** The name that the collector's certificate must have; without it, the hostname of its address. */
  readonly serverName?: string;
}

/** How trust comes from a cluster: in the way that is named, or that fits the Aggregator's release. */
export type ClusterTrust = "auto" | "mint" | "append-ca";

/** Certificates that come from what the Aggregator keeps in its cluster. */
export interface ClusterTls {
  readonly mode: ClusterTrust;
  /** The name that the collector's certificate must have; without it, that of the Aggregator's Service. */
  readonly serverName?: string;
}

/** Whether certificates come from a cluster rather than from files. */
export function isClusterTls(tls: ListenerTls | CollectorTls | ClusterTls): tls is ClusterTls {
  return "mode" in tls;
}

/** The certificates in a PEM file that the configuration names, or that come from a cluster. */
export interface ConfiguredCertificates {
  /** `listen[0].tls.certificate`, or `listen[0].tls` where they come from a cluster */
  readonly path: string;
  /** A resolved path; missing where they come from a cluster. */
  readonly file?: string;
  /** How they come from a cluster, which is not asked when a configuration is read. */
  readonly mode?: ClusterTrust;
  readonly certificates: readonly CertificateDetails[];
  /** Those that have expired or are not valid yet: `check` refuses them, `serve` goes on with them and says so. */
  readonly mistakes: readonly Mistake[];
}

/** Settings of `kubernetes:`, present where a cluster is needed or named. */
export interface KubernetesSettings {
  /** A resolved path; without it, the service account of the Pod. */
  readonly kubeconfig?: string;
  /** The Aggregator's; without it, the Pod's own, or `flow-aggregator` outside of a Pod. */
  readonly namespace?: string;
  readonly agentsNamespace: string;
  readonly ownCaSecret?: string;
  readonly restoreOnDrain: boolean;
  /** Present where a listener or collector gets its certificates from the cluster. */
  readonly trust?: ClusterTrust;
}

/** Where exporters connect. `tls` is present if and only if the transport is tls. */
export interface ListenerSettings {
  readonly transport: TransportProtocol;
  readonly address: SocketAddress;
  readonly tls?: ListenerTls | ClusterTls;
  /** Over UDP: whose templates apply to data, those of the same port or of all ports of the address. */
  readonly templates?: "port" | "address";
}

/** Where records go. Peers with equal settings share one object. */
export interface CollectorSettings {
  readonly transport: TransportProtocol;
  readonly address: SocketAddress;
  /** Over udp: a TCP port of the collector's process. */
  readonly watch?: SocketAddress;
  /** Over udp: milliseconds after which templates are sent again. */
  readonly templateRefresh?: number;
  readonly tls?: CollectorTls | ClusterTls;
}

/** Limits of `limits:`; durations in milliseconds, sizes in octets. */
export interface Limits {
  readonly sessions: number;
  readonly templatesPerSession: number;
  readonly templates: number;
  readonly observationDomainsPerSession: number;
  /** Template changes of one session, a second. */
  readonly templateChanges: number;
  /** Octets that the templates of all sessions may take. */
  readonly templateMemory: number;
  /** Octets of all messages that wait for their rest, or for the collector. */
  readonly messageMemory: number;
  /** Octets that the process may take, resident. */
  readonly memory: number;
  readonly hold: number;
  /** 0: no limit. */
  readonly idle: number;
  readonly udpIdle: number;
  readonly partialMessage: number;
  readonly drain: number;
  readonly handshake: number;
}

/** Settings of `cache:`. */
export interface CacheSettings {
  /** A resolved path. */
  readonly file: string;
  /** The least time between two writes, in milliseconds. */
  readonly interval: number;
  /** The largest size of the file, in octets. */
  readonly size: number;
}

/** One step of a chain. */
export interface ChainStep {
  /** The plugin, as the YAML names it. */
  readonly use: string;
  /** `with:`, including defaults. */
  readonly options: unknown;
  readonly plugin: Plugin;
  /** Creates the plugin with the same options for another profile. @throws Error as the plugin does */
  readonly create: (profile: Profile) => Plugin;
}

/** The profile and chain of one peer rule, or of the file outside all rules. */
export interface ResolvedTreatment {
  readonly profile: Profile;
  readonly chain: readonly ChainStep[];
  /** The plugins of the chain, for the mediator. */
  readonly plugins: readonly Plugin[];
}

/** Whether messages are rewritten, or relayed untouched while changes are only reported. */
export type Mode = "rewrite" | "observe";

/** The treatment of a whole session, decided when it opens and no template is known yet. */
export interface SessionTreatment extends ResolvedTreatment {
  readonly mode: Mode;
  readonly collector: CollectorSettings;
}

/** The exporters that a peer rule is for: all keys present must match. */
export interface PeerMatch {
  readonly address?: AddressPrefix;
  readonly certificateName?: string;
  readonly observationDomain?: number;
  /** The first release line of the era, as {@link detectAntreaRelease} names it. */
  readonly profile?: string;
}

/** What is known of an exporter when its session is decided. */
export interface SessionPeer {
  readonly address?: string | undefined;
  readonly certificateName?: string | undefined;
  /** Its first template, once that is known. */
  readonly decidedBy?: FirstTemplate | undefined;
}

/** A peer rule. */
export interface PeerRule {
  /** `peers[0]` */
  readonly name: string;
  readonly match: PeerMatch;
  /** `match:` as written in the file. */
  readonly matchText: Readonly<Record<string, string | number>>;
  /** The treatment of the exporters it matches, unless another rule decides for their session. */
  readonly treatment: SessionTreatment;
}

/** How the sessions of one collector are treated if it is what one profile says. */
export interface CollectorTreatments {
  /** Applies unless a peer rule says otherwise. */
  readonly treatment: SessionTreatment;
  /** Those that can apply there, in order; the first that matches wins. */
  readonly peers: readonly PeerRule[];
  /** Returns the treatment of a template: the first matching rule wins. The same rules always give the same object. */
  readonly chooseTreatment: ChooseTreatment;
}

/** What becomes of one collector's profile. */
export interface CollectorManner {
  /** When a changed profile takes effect: with the collector's next epoch, or now. */
  readonly switch: "restart" | "now";
  /** What the collector may be, in the order in which that is tried; empty: it is what its profile says. */
  readonly candidates: readonly CollectorTreatments[];
  /** Milliseconds that a collector has to live after its first templates for a candidate to count as accepted. */
  readonly acceptedAfter: number;
}

/** A collector, and how its sessions are treated. */
export interface CollectorPlan extends CollectorManner, CollectorTreatments {
  readonly collector: CollectorSettings;
  /** The rules that name it, such as `peers[0]`. */
  readonly rules: readonly string[];
}

/** What the configuration decides when a session opens. */
export interface SessionPlan {
  /** The name of the rule that decided, such as `peers[0]`; undefined: no rule matched. */
  readonly rule?: string;
  readonly mode: Mode;
  readonly collector: CollectorSettings;
  /** The profile, unless a rule for an observation domain or release has another. */
  readonly profile: Profile;
}

/** A configuration that has been checked as a whole. */
export interface Configuration extends CollectorTreatments, CollectorManner {
  /** The YAML file, as the caller named it. */
  readonly file: string;
  readonly listeners: readonly ListenerSettings[];
  /** Applies unless a peer rule says otherwise. */
  readonly collector: CollectorSettings;
  /** Applies unless a peer rule says otherwise. */
  readonly mode: Mode;
  /** All rules, in order; the first that matches wins. */
  readonly peers: readonly PeerRule[];
  /** Every collector that some session may have; the first is {@link collector}. */
  readonly plans: readonly [CollectorPlan, ...CollectorPlan[]];
  /** Whether there was no `plugins:`, so that the default chain applies. */
  readonly automaticChain: boolean;
  /**
   * `skewSettle`: milliseconds without skew before the proxy is reported as no longer needed. `hosts`: further names by
   * which clients may address the admin server.
   */
  readonly admin: {
    readonly address: SocketAddress;
    readonly skewSettle: number;
    readonly hosts: readonly string[];
  };
  readonly limits: Limits;
  /** `values`: whether the last value of each stripped element is kept and shown. */
  readonly ledger: { readonly values: boolean };
  readonly log: { readonly level: "debug" | "info" | "warning" | "error"; readonly format: "json" | "text" };
  /** Where the templates of UDP exporters are kept across restarts. */
  readonly cache?: CacheSettings;
  readonly kubernetes?: KubernetesSettings;
  /**
   * Present with `profile: auto`. Then the treatment's profile is that of the release that was given when the file was
   * read, else the fallback; with neither it is a placeholder, and nothing may be served yet.
   */
  readonly automaticProfile?: { readonly fallback?: string; readonly isKnown: boolean; readonly known?: string };
  /** Every file read (YAML, profiles, registries, plugins, PEM): a change to one may change the configuration. */
  readonly files: readonly string[];
  /** What the certificates in files say of themselves. */
  readonly certificates: readonly ConfiguredCertificates[];
  /** What may not be as it is meant, a sentence each: the configuration is in effect all the same. */
  readonly warnings: readonly string[];
  /** Every collector that some session may have. */
  readonly collectors: readonly CollectorSettings[];
  /** The text or number at a path of the file; undefined where a default holds. */
  written(path: Path): string | undefined;
  /** Ends the processes of its plugins, once nothing uses the configuration any more. */
  close(): void;
  /** Returns the collector and mode of a session; "undecided" if only its first template can decide. */
  chooseSession(peer: SessionPeer): SessionPlan | "undecided";
}
