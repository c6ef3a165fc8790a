import { DEFAULT_CHAIN } from "../../plugins/mod.ts";
import type { MediationEvent } from "../../src/mediation/templates/event.ts";
import { Mediator, type MediatorOptions } from "../../src/mediation/session/mediator.ts";
import type { Plugin } from "../../src/mediation/mapping/plugin.ts";
import type { Profile } from "../../src/mediation/mapping/profile/profile.ts";
import type { SessionFacts, SessionRewriter } from "../../src/mediation/session/session_rewriter.ts";
import { history } from "./messages/antrea.ts";

/** The chain of a configuration without `plugins:`. */
export function defaultPlugins(profile: Profile): Plugin[] {
  return DEFAULT_CHAIN.map((definition) => definition.create(definition.options.parse({}), profile));
}

/** A mediator towards one collector with the default chain. */
export function mediatorOf(
  profile: Profile,
  options: Partial<MediatorOptions> & { readonly plugins?: readonly Plugin[] } = {},
): Mediator {
  const { plugins = defaultPlugins(profile), ...rest } = options;
  return new Mediator({ chooseTreatment: () => ({ profile, plugins }), registryHistory: history, ...rest });
}

/** One session over TCP to a collector of its own, with what it tells. */
export function openSession(
  profile: Profile,
  facts: Partial<SessionFacts> = {},
  options: Partial<MediatorOptions> = {},
): { session: SessionRewriter; events: MediationEvent[] } {
  const events: MediationEvent[] = [];
  const session = mediatorOf(profile, options).open({
    reliable: true,
    notify: (event) => events.push(event),
    ...facts,
  });
  return { session, events };
}
