import { announcementKey } from "../../templates/announcements.ts";
import type { SharedTemplate } from "../../templates/template_entry.ts";
import type { SessionEvents } from "../session_events.ts";
import type { SessionTarget } from "../session_target.ts";
import type { Fingerprints } from "../shared/fingerprints.ts";
import type { TemplateHolder } from "../shared/shared_state.ts";

/**
 * Warns if two sessions use the same template id for different layouts while it is only assumed that the collector
 * keeps sessions apart. A collector that identifies exporters by address alone would decode the records of one session
 * with the layout of the other.
 */
export class TemplateCollisions {
  readonly #holder: TemplateHolder;
  readonly #fingerprints: Fingerprints;
  readonly #target: Pick<SessionTarget, "announcers">;
  readonly #events: Pick<SessionEvents, "notify">;

  /** @param holder the templates of the session that announces */
  constructor(
    holder: TemplateHolder,
    fingerprints: Fingerprints,
    target: Pick<SessionTarget, "announcers">,
    events: Pick<SessionEvents, "notify">,
  ) {
    this.#holder = holder;
    this.#fingerprints = fingerprints;
    this.#target = target;
    this.#events = events;
  }

  /** The session announces this template: it is the last to do so from now on. */
  notice(observationDomain: number, { dialect, targetId, mapping }: SharedTemplate): void {
    if (dialect.templateScopeAssumed !== true) return;
    const { announcers } = this.#target;
    const key = announcementKey(observationDomain, targetId);
    const other = announcers.get(key);
    announcers.set(key, this.#holder);
    const theirs = other === this.#holder ? undefined : other?.find(observationDomain, targetId);
    if (theirs?.kind !== "accepted") return;
    if (this.#fingerprints.targetLayout(theirs.shared.mapping) === this.#fingerprints.targetLayout(mapping)) return;
    this.#events.notify({
      event: "template_collision",
      observationDomain,
      template: targetId,
      message:
        `template ${targetId} of observation domain ${observationDomain} has another layout in another session: ` +
        "a collector that tells exporters apart by address alone mixes the two " +
        "(dialect: { templateScope: observation-domain }, or session if it keeps them apart)",
    });
  }

  /** The session no longer has a template under this id. */
  forget(observationDomain: number, targetId: number): void {
    const { announcers } = this.#target;
    const key = announcementKey(observationDomain, targetId);
    if (announcers.get(key) === this.#holder) announcers.delete(key);
  }
}
