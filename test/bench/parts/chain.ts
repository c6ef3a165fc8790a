import { DEFAULT_CHAIN } from "../../../plugins/mod.ts";
import { loadProfile } from "../../../src/config/profiles/profiles.ts";
import { registryHistory } from "../../../src/config/profiles/registries.ts";
import { Mediator, type MediatorOptions } from "../../../src/mediation/session/mediator.ts";
import type { SessionRewriter } from "../../../src/mediation/session/session_rewriter.ts";

/** A session whose collector is of this release, with the plugins that a configuration without `plugins:` gets. */
export function openSession(
  profileName: string,
  options: Pick<MediatorOptions, "messagesBeforeWalkFunction"> = {},
): SessionRewriter {
  const profile = loadProfile(profileName);
  const plugins = DEFAULT_CHAIN.map((definition) => definition.create(definition.options.parse({}), profile));
  const mediator = new Mediator({
    chooseTreatment: () => ({ profile, plugins }),
    registryHistory: registryHistory(),
    ...options,
  });
  return mediator.open({ reliable: true });
}
