import { resolve } from "node:path";
import type { Profile } from "../mediation/mapping/profile/profile.ts";
import { Chains } from "./sections/chains.ts";
import { kubernetesSettings } from "./sections/kubernetes_settings.ts";
import { Collectors, type NamedCollector } from "./sections/collectors.ts";
import type {
  CacheSettings,
  CollectorPlan,
  CollectorSettings,
  Configuration,
  ListenerSettings,
} from "./configuration.ts";
import { conflicts, describeEndpoint, leadsBack } from "./sections/listener_conflicts.ts";
import { pathText } from "./yaml/mistake.ts";
import { ruleLayer } from "./peers/peer_rules.ts";
import type { PluginModules } from "./sections/plugin_modules.ts";
import { PROFILE_NAMES } from "./profiles/profiles.ts";
import type { ConfigurationReader } from "./configuration_reader.ts";
import { candidatesOf, chooseProfile, Profiles, triedProfiles } from "./sections/profile_choice.ts";
import type { PeerSection, Sections } from "./sections/sections.ts";
import { listenerTls } from "./sections/tls_settings.ts";
import { type RuleLayer, Treatments } from "./peers/treatments.ts";

/**
 * Builds a configuration from the sections of a file, and checks what only shows in several sections together.
 *
 * @param modules has loaded every plugin that the sections name
 * @param automaticProfile the profile that `auto` means now; undefined: not known
 * @returns the configuration; not to be used, and maybe undefined, where the reader has mistakes
 */
export function buildConfiguration(
  reader: ConfigurationReader,
  sections: Sections,
  modules: PluginModules,
  automaticProfile?: string,
): Omit<Configuration, "close"> | undefined {
  const { mode, admin, limits, log, ledger } = sections;
  const listeners = listenersOf(reader, sections);
  const collectors = new Collectors(reader);
  const top = collectors.base(sections.collector);
  const collector = top?.collector;
  const profiles = new Profiles(reader);
  const { named, candidates, automatic } = chooseProfile(reader, sections, profiles, automaticProfile);
  const profile = named ?? candidates[0];
  const rules = sections.peers.map((peer, index) =>
    ruleOf(peer, index, { reader, sections, collectors, profiles, top })
  );
  refuseLoops(reader, listeners, sections, collectors);
  refuseConflicts(reader, sections);
  const kubernetes = kubernetesSettings(reader, sections, [
    ...listeners.map((listener, index) => [listener, ["listen", index]] as const),
    ...collectors.named.map(({ collector, path }) => [collector, path] as const),
  ]);

  // Once all other files of the configuration are known.
  const cache = cacheOf(reader, sections);

  const chains = new Chains(reader, modules);
  for (const list of [sections.plugins, ...sections.peers.map(({ plugins }) => plugins)]) {
    if (list !== undefined) chains.checkOptions(list);
  }
  if (profile === undefined) return undefined;
  const whole = rules.filter((rule) => isWhole(reader, rule));
  const treatmentsOf = (profile: Profile, layers: readonly RuleLayer[] = whole) =>
    new Treatments(chains, {
      mode: mode ?? "rewrite",
      // A placeholder for a wrong collector: its mistake is reported, so the configuration is never used.
      collector: collector ?? { transport: "tcp", address: { hostname: "", port: 0 } },
      profile,
      dialect: sections.collector.dialect,
      plugins: sections.plugins,
    }, layers);
  const treatments = treatmentsOf(profile);
  const tried = named === undefined || candidates.includes(named) ? candidates : [named, ...candidates];
  const inherited = candidates.length === 0 ? [] : tried.map((one) => treatmentsOf(one));
  const others = collectors.named.filter((one) => one !== top && whole.some((rule) => rule.collector === one.collector))
    .map((one) =>
      rulePlan(one, { profiles, whole, treatments, inherited, treatmentsOf: (layers) => treatmentsOf(profile, layers) })
    );
  if (collector === undefined || mode === undefined || admin?.address === undefined) return undefined;
  if (admin.skewSettle === undefined) return undefined;
  if (limits === undefined || log === undefined || ledger?.values === undefined) return undefined;
  const profileChange = {
    switch: sections.collector.switch ?? "restart",
    candidates: inherited.map((one) => one.of(collector)),
    acceptedAfter: sections.collector.acceptedAfter ?? 0,
  };
  return {
    file: reader.document.file,
    listeners,
    collector,
    mode,
    treatment: treatments.base,
    peers: treatments.rules,
    chooseTreatment: (peer) => treatments.template(peer),
    plans: [
      { collector, rules: rulesOf(collector, whole), ...profileChange, ...treatments.of(collector) },
      ...others,
    ],
    ...profileChange,
    automaticChain: sections.plugins === undefined,
    admin: { address: admin.address, skewSettle: admin.skewSettle, hosts: admin.hosts ?? [] },
    limits,
    ledger: { values: ledger.values },
    log,
    ...(cache === undefined ? {} : { cache }),
    ...(kubernetes === undefined ? {} : { kubernetes }),
    ...(automatic === undefined ? {} : { automaticProfile: automatic }),
    files: [...reader.files],
    certificates: reader.certificates,
    warnings: [
      ...profiles.warnings,
      ...reader.warnings,
      ...(automatic === undefined ? withoutGrpc(collector, profile) : []),
    ],
    collectors: collectors.named.map((named) => named.collector),
    written(path) {
      const value = reader.document.valueAt(path);
      return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
    },
    chooseSession(peer) {
      if (treatments.isUndecided(peer)) return "undecided";
      const rule = treatments.sessionRule(peer);
      const { mode, collector, profile } = treatments.session(rule);
      return { mode, collector, profile, ...(rule === undefined ? {} : { rule: rule.name }) };
    },
  };
}

/** What the plan of a collector that only rules name is made from. */
interface PlanParts {
  readonly profiles: Profiles;
  /** The rules without mistakes. */
  readonly whole: readonly RuleLayer[];
  readonly treatments: Treatments;
  /** By the candidates at the top of the file. */
  readonly inherited: readonly Treatments[];
  readonly treatmentsOf: (layers: readonly RuleLayer[]) => Treatments;
}

/** How the sessions of a collector that only rules name are treated. */
function rulePlan(
  { collector, switch: when, acceptedAfter, candidates, profile }: NamedCollector,
  { profiles, whole, treatments, inherited, treatmentsOf }: PlanParts,
): CollectorPlan {
  const ways = candidates === undefined
    ? profile === undefined || profile === "auto" ? inherited : []
    : triedProfiles(profiles, profile, candidates).map((one) =>
      treatmentsOf(whole.map((rule) => rule.collector === collector ? { ...rule, profile: one } : rule))
    );
  return {
    collector,
    switch: when,
    acceptedAfter,
    rules: rulesOf(collector, whole),
    ...treatments.of(collector),
    candidates: ways.map((way) => way.of(collector)),
  };
}

function rulesOf(collector: CollectorSettings, rules: readonly RuleLayer[]): string[] {
  return rules.filter((rule) => rule.collector === collector).map(({ name }) => name);
}

/** What a peer rule is read with. */
interface RuleParts {
  readonly reader: ConfigurationReader;
  readonly sections: Sections;
  readonly collectors: Collectors;
  readonly profiles: Profiles;
  /** The collector at the top of the file. */
  readonly top: ReturnType<Collectors["base"]>;
}

/** The layer of one peer rule, with its collector and profile; what is wrong with them is reported to the reader. */
function ruleOf(
  peer: PeerSection,
  index: number,
  { reader, sections, collectors, profiles, top }: RuleParts,
): RuleLayer {
  if (peer.collector === undefined) return ruleLayer(reader, sections, peer, index, {});
  const path = [...peer.path, "collector"];
  const own = collectors.over(top, peer.collector, path);
  const ownCandidates = candidatesOf(reader, profiles, peer.collector, path);
  const automatic = peer.collector.profile === "auto";
  if (automatic && sections.collector.profile !== "auto") {
    const why = "only where collector.profile is auto, too: there is one Aggregator in the cluster";
    reader.mistake([...path, "profile"], `${why} (${PROFILE_NAMES})`);
  }
  // A rule that says nothing of the profile has that of the collector, which another rule may name.
  const named = automatic ? undefined : profiles.find(peer.collector.profile, [...path, "profile"]);
  const shared = own === undefined || own === top || own.profile === "auto"
    ? undefined
    : profiles.known(own.profile ?? own.candidates?.[0]);
  return ruleLayer(reader, sections, peer, index, {
    collector: own?.collector,
    profile: named ?? (automatic ? undefined : ownCandidates[0] ?? shared),
  });
}

/** Warns of an Aggregator that is to be reached by gRPC, and that does not serve it as far as its profile says. */
function withoutGrpc({ transport }: CollectorSettings, { name, servesGrpc }: Profile): string[] {
  if (transport !== "grpc" || servesGrpc === true || !name.startsWith("antrea/")) return [];
  return [`collector.transport: grpc, but an Aggregator of ${name} does not serve gRPC; those from v2.4 on do`];
}

/** Whether the match and the collector of a rule are right, so that its chain can be checked. */
function isWhole({ document, mistakes }: ConfigurationReader, { name }: RuleLayer): boolean {
  const parts = ["match", "mode", "collector"].map((key) => `${name}.${key}`);
  return !mistakes.some(({ file, path }) => file === document.file && parts.some((part) => path.startsWith(part)));
}

/** The cache settings. The file must not be part of the configuration, because it is overwritten. */
function cacheOf(reader: ConfigurationReader, { cache }: Sections): CacheSettings | undefined {
  if (cache === undefined) return undefined;
  const file = reader.path(cache.file);
  if ([...reader.files].some((each) => resolve(each) === resolve(file))) {
    const path = typeof reader.document.valueAt(["cache"]) === "string" ? ["cache"] : ["cache", "file"];
    reader.mistake(path, `${file} is a file of this configuration, and would be overwritten (a file of its own)`);
  }
  return { ...cache, file };
}

function listenersOf(reader: ConfigurationReader, { listen }: Sections): ListenerSettings[] {
  return listen.flatMap((choice, index) => {
    const { transport, address } = choice ?? {};
    if (transport === undefined) return [];
    const tls = listenerTls(reader, ["listen", index, "tls"], transport, choice?.tls);
    const { templates } = choice ?? {};
    if (templates !== undefined && transport !== "udp") {
      reader.mistake(["listen", index, "templates"], `has no effect over ${transport} (with transport: udp only)`);
    }
    if (address === undefined) return [];
    return [{
      transport,
      address,
      ...(tls === undefined ? {} : { tls }),
      ...(templates === undefined ? {} : { templates }),
    }];
  });
}

function refuseConflicts(reader: ConfigurationReader, { listen, admin }: Sections): void {
  const bound = [
    ...listen.map((choice, index) => ({ ...choice, path: ["listen", index, "address"] })),
    { transport: "tcp" as const, address: admin?.address, path: ["admin", "address"] },
  ].flatMap(({ transport, address, path }) =>
    transport === undefined || address === undefined ? [] : [{ transport, address, path }]
  );
  for (const [index, one] of bound.entries()) {
    const earlier = bound.slice(0, index).find((other) => conflicts(one, other));
    if (earlier === undefined) continue;
    const taken = `${pathText(earlier.path.slice(0, -1))} listens on ${describeEndpoint(earlier)} already`;
    reader.mistake(one.path, `${taken} (an address and port of its own)`);
  }
}

/** Refuses collectors that are this process itself. */
function refuseLoops(
  reader: ConfigurationReader,
  listeners: readonly ListenerSettings[],
  { admin }: Sections,
  { named }: Collectors,
): void {
  const own = admin?.address === undefined ? undefined : { transport: "tcp" as const, address: admin.address };
  for (const { collector, path } of named) {
    const listener = listeners.find((each) => leadsBack(collector, each));
    const what = listener !== undefined
      ? `listener ${describeEndpoint(listener)}: every message would come back`
      : own !== undefined && leadsBack(collector, own)
      ? `admin address ${describeEndpoint(own)}, which takes no messages`
      : undefined;
    if (what !== undefined) {
      reader.mistake([...path, "address"], `is this proxy's own ${what} (the collector's address)`);
    }
  }
}
