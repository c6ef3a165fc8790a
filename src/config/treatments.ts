import type { Dialect } from "../mediation/mapping/dialect.ts";
import type { Profile } from "../mediation/mapping/profile.ts";
import type { Treatment } from "../mediation/mapping/treatment.ts";
import type { Chains, PluginList } from "./chains.ts";
import type {
  CollectorSettings,
  Mode,
  PeerMatch,
  PeerRule,
  ResolvedTreatment,
  SessionTreatment,
} from "./configuration.ts";
import { chooseDialect, type DialectChoice } from "./profiles/dialect_schema.ts";
import { isSessionMatch, type KnownPeer, matches } from "./peer_matching.ts";

/** What a rule, or the file outside all rules, sets. */
export interface Layer {
  readonly mode?: Mode | undefined;
  readonly collector?: CollectorSettings | undefined;
  readonly profile?: Profile | undefined;
  readonly dialect?: DialectChoice | undefined;
  readonly plugins?: PluginList | undefined;
}

/** The file outside all rules, which every rule overrides. */
export interface BaseLayer extends Layer {
  readonly mode: Mode;
  readonly collector: CollectorSettings;
  readonly profile: Profile;
}

/** A rule before its treatment is resolved. */
export interface RuleLayer extends Layer {
  readonly name: string;
  readonly match: PeerMatch;
  readonly matchText: PeerRule["matchText"];
}

/** Resolves the profile and chain of every exporter. All pairs of rules that can apply together are resolved in the constructor. */
export class Treatments {
  readonly base: SessionTreatment;
  readonly rules: readonly PeerRule[];
  /** By session rule, then by template rule. */
  readonly #pairs = new Map<RuleLayer | undefined, Map<RuleLayer, ResolvedTreatment>>();
  readonly #sessions = new Map<RuleLayer | undefined, SessionTreatment>();
  readonly #profiles = new Map<Profile, Map<Dialect | DialectChoice, Profile>>();

  constructor(readonly chains: Chains, readonly baseLayer: BaseLayer, readonly layers: readonly RuleLayer[]) {
    this.base = this.#session(undefined);
    this.rules = layers.map((layer) => ({
      name: layer.name,
      match: layer.match,
      matchText: layer.matchText,
      treatment: isSessionMatch(layer.match) ? this.#session(layer) : { ...this.base, ...this.#pair(undefined, layer) },
    }));
    for (const [index, session] of layers.entries()) {
      if (!isSessionMatch(session.match)) continue;
      // Only rules before the session's own can match one of its templates first.
      for (const rule of layers.slice(0, index)) if (!isSessionMatch(rule.match)) this.#pair(session, rule);
    }
  }

  /** The first rule that matches a session. */
  sessionRule(peer: KnownPeer): RuleLayer | undefined {
    return this.layers.find(({ match }) => isSessionMatch(match) && matches(match, peer));
  }

  session(rule: RuleLayer | undefined): SessionTreatment {
    return this.#session(rule);
  }

  /** The treatment of one template: the first matching rule, over the rule of its session. */
  template(peer: KnownPeer): Treatment {
    const session = this.sessionRule(peer);
    const first = this.layers.find(({ match }) => matches(match, peer));
    return first === undefined || first === session ? this.#session(session) : this.#pair(session, first);
  }

  #session(rule: RuleLayer | undefined): SessionTreatment {
    const known = this.#sessions.get(rule);
    if (known !== undefined) return known;
    const { baseLayer } = this;
    const profile = this.#withDialect(rule?.profile ?? baseLayer.profile, rule?.dialect ?? baseLayer.dialect);
    const treatment = {
      mode: rule?.mode ?? baseLayer.mode,
      collector: rule?.collector ?? baseLayer.collector,
      ...this.#resolve(profile, rule?.plugins ?? baseLayer.plugins),
    };
    this.#sessions.set(rule, treatment);
    return treatment;
  }

  #pair(session: RuleLayer | undefined, rule: RuleLayer): ResolvedTreatment {
    const pairs = this.#pairs.get(session) ?? new Map<RuleLayer, ResolvedTreatment>();
    this.#pairs.set(session, pairs);
    const known = pairs.get(rule);
    if (known !== undefined) return known;
    const under = this.#session(session);
    // The session's collector decodes its templates whichever list they follow, so its dialect applies.
    const profile = rule.profile === undefined ? under.profile : this.#decodedBy(rule.profile, under.profile.dialect);
    const treatment = this.#resolve(profile, rule.plugins ?? session?.plugins ?? this.baseLayer.plugins);
    pairs.set(rule, treatment);
    return treatment;
  }

  #resolve(profile: Profile, list: PluginList | undefined): ResolvedTreatment {
    const chain = this.chains.chain(list, profile);
    return { profile, chain, plugins: chain.map(({ plugin }) => plugin) };
  }

  #withDialect(profile: Profile, choice: DialectChoice | undefined): Profile {
    if (choice === undefined) return profile;
    return this.#variant(profile, choice, () => chooseDialect(choice, profile.dialect));
  }

  #decodedBy(profile: Profile, dialect: Dialect): Profile {
    return profile.dialect === dialect ? profile : this.#variant(profile, dialect, () => dialect);
  }

  /** Returns the same object each time, because sessions share mappings if their profile is the same object. */
  #variant(profile: Profile, key: Dialect | DialectChoice, dialect: () => Dialect): Profile {
    const variants = this.#profiles.get(profile) ?? new Map<Dialect | DialectChoice, Profile>();
    this.#profiles.set(profile, variants);
    const variant = variants.get(key) ?? { ...profile, dialect: dialect() };
    variants.set(key, variant);
    return variant;
  }
}
