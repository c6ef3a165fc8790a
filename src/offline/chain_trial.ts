import type { Configuration } from "../config/configuration.ts";
import { antreaEras } from "../config/profiles/antrea_eras.ts";
import { loadProfile } from "../config/profiles/profiles.ts";
import { ChainError } from "../mediation/mapping/chain/mapping_chain.ts";
import { settled } from "../mediation/mapping/chain/pending_mapping.ts";
import { explainTemplates } from "./template_explanation.ts";

/**
 * Runs every chain of a configuration once over the templates that its collector lists and those of each known Antrea
 * release, so that a plugin that fails is found before an exporter comes.
 *
 * @returns one line for each plugin and exporter that it fails for
 */
export async function tryChains({ treatment, peers }: Configuration): Promise<string[]> {
  const failures: string[] = [];
  const exporters = antreaEras().map(({ profile }) => loadProfile(profile));
  for (
    const { name, chain } of [
      { name: "", chain: treatment },
      ...peers.map(({ name, treatment: chain }) => ({ name, chain })),
    ]
  ) {
    for (const exporter of [chain.profile, ...exporters]) {
      try {
        await settled(() => explainTemplates(exporter, chain));
      } catch (error) {
        if (!(error instanceof ChainError)) throw error;
        const place = name === "" ? "plugins" : `${name}.plugins`;
        failures.push(`${place}: ${error.plugin} fails for the templates of ${exporter.name}: ${error.message}`);
      }
    }
  }
  return failures;
}
