import type { Dialect } from "../../mediation/mapping/profile/dialect.ts";
import type { Profile } from "../../mediation/mapping/profile/profile.ts";
import type { Peer, Treatment } from "../../mediation/mapping/chain/treatment.ts";
import type { Chains, PluginList } from "../sections/chains.ts";
import type {
  CollectorSettings,
  CollectorTreatments,
  Mode,
  PeerMatch,
  PeerRule,
  ResolvedTreatment,
  SessionPeer,
  SessionTreatment,
} from "../configuration.ts";
import { chooseDialect, type DialectChoice } from "../profiles/dialect_schema.ts";
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
  /**
   * Whether the rule decides for whole sessions: by what is known when they open, or, if it asks for more and has a
   * mode or collector, by their first template. Other rules are for templates.
   */
  readonly decides: boolean;
}

/** What is known, without keys for what is not. */
function known({ address, certificateName, observationDomain, detectedProfile }: {
  readonly [Key in keyof KnownPeer]?: KnownPeer[Key] | undefined;
}): KnownPeer {
  return {
    ...(address === undefined ? {} : { address }),
    ...(certificateName === undefined ? {} : { certificateName }),
    ...(observationDomain === undefined ? {} : { observationDomain }),
    ...(detectedProfile === undefined ? {} : { detectedProfile }),
  };
}

/**
 * Resolves the profile and chain of every exporter. All pairs of rules that can apply together are resolved in the
 * constructor.
 */
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
      treatment: layer.decides ? this.#session(layer) : { ...this.base, ...this.#pair(undefined, layer) },
    }));
    for (const [index, session] of layers.entries()) {
      if (!session.decides) continue;
      // Only rules before the session's own can match one of its templates first, unless it asks for one template.
      const first = isSessionMatch(session.match) ? layers.slice(0, index) : layers;
      for (const rule of first) if (!rule.decides) this.#pair(session, rule);
    }
  }

  /** The first rule that decides a session. */
  sessionRule({ address, certificateName, decidedBy }: SessionPeer): RuleLayer | undefined {
    const peer = known({ address, certificateName, ...decidedBy });
    return this.layers.find(({ decides, match }) => decides && matches(match, peer));
  }

  /** Whether a rule before the one that decides now could decide once the first template is there. */
  isUndecided({ address, certificateName, decidedBy }: SessionPeer): boolean {
    if (decidedBy !== undefined) return false;
    const peer = known({ address, certificateName });
    for (const { decides, match } of this.layers) {
      if (!decides) continue;
      if (isSessionMatch(match) && matches(match, peer)) return false;
      const { observationDomain: _domain, profile: _profile, ...rest } = match;
      if (!isSessionMatch(match) && matches(rest, peer)) return true;
    }
    return false;
  }

  /** The treatment of one template, whichever collector its session has. */
  template(peer: Peer): Treatment {
    return this.#template(peer, this.#session(this.sessionRule(peer)).collector, undefined);
  }

  /** How the sessions of one collector are treated. */
  of(collector: CollectorSettings): CollectorTreatments {
    const isBase = collector === this.baseLayer.collector;
    const primary = isBase ? undefined : this.layers.find((rule) => rule.decides && rule.collector === collector);
    const peers = this.layers.flatMap((layer, index): PeerRule[] => {
      const rule = this.rules[index];
      if (rule === undefined) return [];
      if (layer.decides) return rule.treatment.collector === collector ? [rule] : [];
      return [{ ...rule, treatment: { ...this.#session(primary), ...this.#pair(primary, layer) } }];
    });
    return {
      treatment: this.#session(primary),
      peers,
      chooseTreatment: (peer) => this.#template(peer, collector, primary),
    };
  }

  session(rule: RuleLayer | undefined): SessionTreatment {
    return this.#session(rule);
  }

  /** The treatment of one template: the first matching rule, over the rule of its session. */
  #template(peer: Peer, collector: CollectorSettings, primary: RuleLayer | undefined): Treatment {
    const rule = this.sessionRule(peer);
    // While a changed collector waits for its next epoch, the rules may have changed, but not what goes there.
    const session = this.#session(rule).collector === collector ? rule : primary;
    const first = this.layers.find((layer) => (layer === session || !layer.decides) && matches(layer.match, peer));
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
