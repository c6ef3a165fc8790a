import type { Configuration } from "../config/configuration.ts";
import { antreaEras } from "../config/profiles/antrea_eras.ts";
import { loadProfile } from "../config/profiles/profiles.ts";
import { ChainError } from "../mediation/mapping/chain/mapping_chain.ts";
import { settled } from "../mediation/mapping/chain/pending_mapping.ts";
import type { Profile } from "../mediation/mapping/profile/profile.ts";
import { explainTemplates, type TemplateExplanation } from "./template_explanation.ts";

/** What came to light when chains ran once. */
export interface ChainTrial {
  /** One line for each plugin and exporter that it fails for. */
  readonly failures: readonly string[];
  /** One line for each chain that lets elements through that its collector does not know. */
  readonly warnings: readonly string[];
}

/** How many elements a warning names. */
const NAMED = 3;

/**
 * Runs every chain of a configuration once over the templates that its collector lists and those of each known Antrea
 * release, so that a plugin that fails, or is missing, is found before an exporter comes.
 */
export async function tryChains({ treatment, peers }: Configuration): Promise<ChainTrial> {
  const [failures, warnings]: [string[], string[]] = [[], []];
  const exporters = antreaEras().map(({ profile }) => loadProfile(profile));
  for (
    const { place, chain } of [
      { place: "plugins", chain: treatment },
      ...peers.map(({ name, treatment: chain }) => ({ place: `${name}.plugins`, chain })),
    ]
  ) {
    const { profile } = chain;
    let warning: string | undefined;
    for (const exporter of [profile, ...exporters]) {
      try {
        const explained = await settled(() => explainTemplates(exporter, chain));
        const unknown = unknownElements(explained, profile);
        if (unknown.length === 0) continue;
        warning ??=
          `${place}: lets ${listed(unknown)} of ${exporter.name} through, which ${profile.name} does not know: ` +
          "some decoders refuse such a template, or die of it (strip-unknown removes such fields)";
      } catch (error) {
        if (!(error instanceof ChainError)) throw error;
        failures.push(`${place}: ${error.plugin} fails for the templates of ${exporter.name}: ${error.message}`);
      }
    }
    if (warning !== undefined) warnings.push(warning);
  }
  return { failures, warnings };
}

/** The names of elements that would go out although the collector neither knows nor lists them. */
function unknownElements(explained: readonly TemplateExplanation[], profile: Profile): string[] {
  if (profile.acceptsUnknownElements) return [];
  const listed = profile.templates.flatMap(({ fields }) => fields.map(({ element: { pen, id } }) => `${pen}/${id}`));
  const known = new Set(listed);
  const unknown = explained.flatMap(({ target }) => target)
    .filter(({ pen, id }) => !known.has(`${pen}/${id}`) && profile.registry.lookup(pen, id) === undefined)
    .map(({ element }) => element);
  return [...new Set(unknown)];
}

function listed(names: readonly string[]): string {
  const more = names.length - NAMED;
  return names.slice(0, NAMED).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
