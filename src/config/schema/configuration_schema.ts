import { TRANSPORT_PROTOCOLS } from "../../ipfix/message/transport_protocol.ts";
import { z } from "zod";
import { parsePrefix } from "../../ipfix/types/address.ts";
import { antreaRelease } from "../profiles/antrea_releases.ts";
import { dialectSchema } from "../profiles/dialect_schema.ts";
import { PROFILE_NAMES } from "../profiles/profiles.ts";
import { DURATION, formatSize, parseDuration, parseSize } from "../yaml/quantity.ts";
import { oneOf, read, text, truth, wholeNumber, wrong } from "../yaml/schema_parts.ts";
import { parseSocketAddress } from "../yaml/socket_address.ts";

const listenAddress = read("host:port or [v6]:port, port 0 to 65535", parseSocketAddress);
const dialAddress = read("host:port or [v6]:port, port 1 to 65535", (value) => {
  const address = parseSocketAddress(value);
  return address?.port === 0 ? undefined : address;
});

const hostName = (value: string) => /^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/i.test(value) ? value : undefined;

const transport = oneOf(...TRANSPORT_PROTOCOLS);

/**
 * How a side gets its certificates: `files` are PEM files, read again when they change; the others come from what the
 * Aggregator keeps in its cluster, in the way that is named or, with `auto`, that fits its release.
 */
const tlsMode = oneOf("auto", "files", "mint", "append-ca");

const pem = (what: string) => text(`path of a PEM file: ${what}`);

/** The certificates of this side, and those that the other side is checked with. */
const tls = z.strictObject({
  mode: tlsMode.optional().meta({ description: "Default: files where one is named, else auto." }),
  certificate: pem("the certificate chain").optional(),
  key: pem("the private key, PKCS#1 or PKCS#8").optional(),
  ca: pem("the certificates that peers are checked with").optional(),
  serverName: text("the name in the collector's certificate").optional(),
  requireClientCertificate: truth().optional(),
}).meta({ description: "Certificates of the transports tls and grpc." });

/** One place where exporters connect. */
export const listenerSchema = z.strictObject({
  transport: transport.prefault("tcp"),
  address: listenAddress,
  tls: tls.optional(),
  templates: oneOf("port", "address").optional().meta({
    description: "Over udp: whose templates apply to data. address: those of all ports of the exporter's address.",
  }),
});

const profile = text(PROFILE_NAMES);
const collectorProfile = text(`auto, ${PROFILE_NAMES}`);

const durationFrom = (least: string) =>
  read(`${DURATION}, at least ${least}`, (value) => {
    const duration = parseDuration(value);
    return duration === undefined || duration < (parseDuration(least) ?? 0) ? undefined : duration;
  });

const switchWhen = oneOf("restart", "now");
const switchMeta = { description: "When a changed profile takes effect: once the collector has restarted, or now." };
const acceptedAfter = read(DURATION, parseDuration);
const acceptedAfterMeta = {
  description: "How long a collector has to live after its first templates for a candidate to count as accepted.",
};

/** What a collector of some exporters may have as well as that of all others. */
const ownOrNot = {
  profile: collectorProfile.optional().meta({ description: "auto: the release of the Aggregator's Pod." }),
  dialect: dialectSchema.optional(),
  tls: tls.optional(),
  candidates: z.array(profile).min(1).optional().meta({
    description: "Profiles to try, the newest release first: a collector that ends or closes on one gets the next.",
  }),
  watch: z.strictObject({ address: dialAddress }).optional().meta({
    description: "Over udp: a TCP port of the collector's process, which shows that it has restarted.",
  }),
  templateRefresh: durationFrom("1s").optional().meta({
    description: "Over udp: how often templates are sent again; 30s if it is missing.",
  }),
};

/** Where records go, and what is expected there. */
export const collectorSchema = z.strictObject({
  transport: transport.prefault("tcp"),
  address: dialAddress,
  profile: ownOrNot.profile,
  fallbackProfile: profile.optional().meta({
    description: "With profile: auto, what holds while the Aggregator's Pod does not say its release.",
  }),
  dialect: ownOrNot.dialect,
  tls: ownOrNot.tls,
  switch: switchWhen.prefault("restart").meta(switchMeta),
  candidates: ownOrNot.candidates,
  acceptedAfter: acceptedAfter.prefault("10s").meta(acceptedAfterMeta),
  watch: ownOrNot.watch,
  templateRefresh: ownOrNot.templateRefresh,
});

/** Rules for peers. Each session is held against them in turn. */
export const MOST_PEERS = 1000;

const mode = oneOf("rewrite", "observe");

/** One step of the chain; its `with:` is checked by the plugin's own schema. */
export const pluginSchema = z.strictObject({
  use: text("a shipped plugin's name, ./path.ts, or npm:package"),
  with: z.unknown().optional(),
  isolate: truth().optional().meta({
    description:
      "Whether a plugin of your own runs in a process of its own, which may read its own modules only. Default: true.",
  }),
  timeout: durationFrom("1ms").optional().meta({
    description: "How long a plugin in a process of its own may take for one template. Default: 1s.",
  }),
}).meta({ id: "plugin" });

const prefix = read("an IPv4 or IPv6 address, or a network such as 10.10.0.0/24", parsePrefix);

/** The era of a release; releases of one era send the same templates. */
const detectedProfile = read(
  "an Antrea release such as antrea/v2.0",
  (name) => antreaRelease(name)?.era,
);

const match = z.strictObject({
  address: prefix.optional(),
  observationDomain: wholeNumber(0, 0xffffffff).optional(),
  certificateName: text("the name in the exporter's certificate").optional(),
  profile: detectedProfile.optional(),
}).refine((value) => Object.values(value).some((key) => key !== undefined), {
  error: () => "matches nothing (one or more of address, observationDomain, certificateName, profile)",
});

/** One peer rule: the exporters it is for, and what differs for them. What it does not say is as outside all rules. */
export const peerSchema = z.strictObject({
  match,
  mode: mode.optional(),
  collector: z.strictObject({
    transport: transport.optional(),
    address: dialAddress.optional(),
    ...ownOrNot,
    switch: switchWhen.optional().meta(switchMeta),
    acceptedAfter: acceptedAfter.optional().meta(acceptedAfterMeta),
  }).optional(),
  plugins: z.array(pluginSchema).optional(),
});

const duration = (value: string) => read(DURATION, parseDuration).prefault(value);

/** Less would not do for the templates of a few releases, nor for a few messages. */
const SMALLEST_MEMORY = 2 ** 20;

/** What the process takes with a few sessions, and some room for work. */
const SMALLEST_PROCESS = 192 * 2 ** 20;

const size = (value: string, smallest = SMALLEST_MEMORY) =>
  read(`a size such as ${value}, at least ${formatSize(smallest)}`, (text) => {
    const octets = parseSize(text);
    return octets === undefined || octets < smallest ? undefined : octets;
  }).prefault(value);

/** Limits for all exporters together. Durations become milliseconds, sizes octets. */
const limitsSchema = z.strictObject({
  sessions: wholeNumber(1, 1_000_000).default(5000)
    .meta({ description: "Exporters connected at a time." }),
  templatesPerSession: wholeNumber(1, 65_280).default(256),
  templates: wholeNumber(1, 100_000_000).default(65_536).meta({ description: "Templates of all sessions together." }),
  observationDomainsPerSession: wholeNumber(1, 1_000_000).default(256),
  templateChanges: wholeNumber(1, 1_000_000).default(1000),
  templateMemory: size("48MiB").meta({ description: "Memory for the templates of all sessions." }),
  messageMemory: size("48MiB").meta({
    description: "Memory for incomplete messages of all sessions, and for those that wait for the collector.",
  }),
  memory: size("400MiB", SMALLEST_PROCESS).meta({ description: "Resident memory of the process." }),
  hold: duration("10m").meta({ description: "How long exporters are held while the collector is gone." }),
  idle: duration("0s").meta({ description: "How long a session may be silent; 0s: no limit." }),
  udpIdle: duration("5m").meta({
    description: "How long an exporter over udp may be silent before its session is over for the verdict.",
  }),
  partialMessage: duration("30s").meta({ description: "How long the rest of a message may take." }),
  drain: duration("10s").meta({ description: "How long sessions may take to end during a drain." }),
  handshake: duration("10s").meta({ description: "How long a TLS handshake may take." }),
});

const cacheFile = "the path of a file that keeps the templates of udp exporters across restarts";

const cacheSettings = z.strictObject({
  file: text(cacheFile),
  interval: durationFrom("1s").prefault("30s").meta({ description: "The least time between two writes." }),
  size: read("a size such as 64KiB or 16MiB, 4KiB to 1GiB", (value) => {
    const size = parseSize(value);
    return size === undefined || size < 4096 || size > 2 ** 30 ? undefined : size;
  }).prefault("16MiB").meta({ description: "The largest size of the file." }),
});

/** The template cache: a file, or a file with settings. */
const cacheSchema = z.union([
  text(cacheFile).transform((file) => cacheSettings.parse({ file })),
  cacheSettings,
], { error: (issue) => wrong(issue.input, `${cacheFile}, or a map: file, interval, size`) });

/** Names as the API server takes them (RFC 1123): others would only fail there. */
const DNS_LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const DNS_SUBDOMAIN = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;

const namespaceName = (what: string) =>
  read(`${what}: lower-case letters, digits and -`, (name) => DNS_LABEL.test(name) ? name : undefined);

/** Secrets that belong to the Aggregator. */
const AGGREGATOR_SECRETS = ["flow-aggregator-ca-tls", "flow-aggregator-client-tls"];

const ownSecretName = read(
  "the name of a Secret that is not the Aggregator's: lower-case letters, digits, - and .",
  (name) => DNS_SUBDOMAIN.test(name) && !AGGREGATOR_SECRETS.includes(name) ? name : undefined,
);

/** The cluster that trust and releases come from. */
const kubernetesSchema = z.strictObject({
  kubeconfig: text("the path of a kubeconfig, outside of a cluster").optional(),
  namespace: namespaceName("the Aggregator's namespace").optional().meta({
    description: "Default: the Pod's own, or flow-aggregator.",
  }),
  agentsNamespace: namespaceName("the namespace of Antrea's Agents").prefault("kube-system"),
  ownCaSecret: ownSecretName.optional().meta({
    description: "With append-ca, the Secret that keeps the proxy's own CA across restarts. Default: memory.",
  }),
  restoreOnDrain: truth().default(false).meta({
    description: "With append-ca, take the proxy's own CA out of the bundle at the end of a drain.",
  }),
});

/**
 * A whole configuration file, and the only place that decides what it may contain: it accepts no value that `serve`
 * refuses later. Its parts are checked one by one, so that a mistake in one does not hide mistakes in another.
 */
export const configurationSchema = z.strictObject({
  listen: z.array(listenerSchema).min(1),
  collector: collectorSchema,
  mode: mode.default("rewrite"),
  plugins: z.array(pluginSchema).optional(),
  peers: z.array(peerSchema).max(MOST_PEERS).default([]),
  admin: z.strictObject({
    address: listenAddress.prefault("127.0.0.1:24780"),
    skewSettle: duration("10s").meta({
      description:
        "How long no session may have needed rewriting, with all exporters in sight, before the proxy is reported as not needed.",
    }),
    hosts: z.array(read("a host name without a port, such as ipfix-proxy.flow-aggregator.svc", hostName)).optional()
      .meta({
        description: "Names by which clients may address the admin server, besides IP addresses and localhost.",
      }),
  }).prefault({}),
  limits: limitsSchema.prefault({}),
  log: z.strictObject({
    level: oneOf("debug", "info", "warning", "error").default("info"),
    format: oneOf("json", "text").default("json"),
  }).prefault({}),
  ledger: z.strictObject({
    values: truth().default(false).meta({
      description:
        "Keep the last value that each stripped element carried, and show it on the page and in the admin API.",
    }),
  }).prefault({}),
  cache: cacheSchema.optional(),
  kubernetes: kubernetesSchema.optional(),
});

/** A collector as the schema gives it. */
export type CollectorChoice = z.infer<typeof collectorSchema>;
/** A `tls:` block as the schema gives it. */
export type TlsChoice = z.infer<typeof tls>;
/** A peer rule's `match:` as the schema gives it. */
export type PeerMatchChoice = z.infer<typeof match>;
/** A step of a chain as the schema gives it. */
export type PluginChoice = z.infer<typeof pluginSchema>;
