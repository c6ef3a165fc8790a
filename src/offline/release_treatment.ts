import { automaticChain } from "../config/sections/chains.ts";
import type { Configuration } from "../config/configuration.ts";
import type { Profile } from "../mediation/mapping/profile/profile.ts";
import type { Treatment } from "../mediation/mapping/chain/treatment.ts";

/** The treatment of every exporter with the default chain. */
export function automaticTreatment(profile: Profile): Treatment {
  return { profile, plugins: automaticChain(profile).map(({ plugin }) => plugin) };
}

/**
 * The treatment that a configuration gives an exporter of one release, for a collector of the given profile. Plugins
 * are created anew for that profile; the configured dialect applies only where the profile is the configured one.
 *
 * @throws Error where a plugin cannot be created for the profile
 */
export function configuredTreatment(
  configuration: Configuration,
  exporter: string | undefined,
  to: Profile,
): Treatment {
  const rule = configuration.peers.find(({ match }) =>
    match.profile !== undefined && match.profile === exporter && Object.keys(match).length === 1
  );
  const { profile, plugins, chain } = rule?.treatment ?? configuration.treatment;
  if (profile.name === to.name) return { profile, plugins };
  if (rule === undefined && configuration.automaticChain) return automaticTreatment(to);
  return { profile: to, plugins: chain.map(({ create }) => create(to)) };
}
