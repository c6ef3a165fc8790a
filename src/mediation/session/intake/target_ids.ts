import { announcementKey } from "../../templates/announcements.ts";
import type { ObservationDomain, TemplateEntry } from "../../templates/template_entry.ts";
import type { TemplateIdSpace } from "../../templates/template_id_space.ts";
import type { TemplateIntake } from "./template_intake.ts";

/** How many ids of mappings no longer in force a session keeps reserved. */
const RETIRED_IDS = 64;

/**
 * The template ids that one session has of a space shared with other sessions: those of its templates, and retired ones
 * of mappings that are no longer in force. Retired ids stay reserved for a while: records sent under such an id may still
 * be unread in the collector's socket when another session that gets the id announces a different layout.
 */
export class TargetIds {
  readonly #intake: Pick<TemplateIntake, "releaseId" | "shared" | "target">;
  readonly #domains: ReadonlyMap<number, ObservationDomain>;
  /** Oldest first. Made with the first of them, which most sessions never have. */
  #retired:
    | Map<ReturnType<typeof announcementKey>, { readonly observationDomain: number; readonly id: number }>
    | undefined;

  /** @param domains those of the session, with its templates */
  constructor(
    intake: Pick<TemplateIntake, "releaseId" | "shared" | "target">,
    domains: ReadonlyMap<number, ObservationDomain>,
  ) {
    this.#intake = intake;
    this.#domains = domains;
  }

  /** Keeps the id that a template had before it was mapped again, unless it has the same one afterwards. */
  retire(observationDomain: number, before: TemplateEntry, after: TemplateEntry): void {
    if (before.kind === "refused" || !before.shared.sharesIds) return;
    const key = announcementKey(observationDomain, before.shared.targetId);
    const retired = this.#retired ??= new Map();
    const isStillHeld = retired.has(key) ||
      (after.kind === "accepted" && after.shared.sharesIds && after.shared.targetId === before.shared.targetId);
    if (isStillHeld) return this.#intake.releaseId(before, observationDomain);
    retired.set(key, { observationDomain, id: before.shared.targetId });
    for (const [oldest, { observationDomain, id }] of retired) {
      if (retired.size <= RETIRED_IDS) break;
      retired.delete(oldest);
      this.#intake.target.ids.release(observationDomain, id);
    }
  }

  /** Releases all of them. */
  release(): void {
    for (const { id, templates } of this.#domains.values()) {
      for (const entry of templates.values()) this.#intake.releaseId(entry, id);
    }
    for (const { observationDomain, id } of this.#retired?.values() ?? []) {
      this.#intake.target.ids.release(observationDomain, id);
    }
    this.#retired = undefined;
  }

  /**
   * Takes the same ids in another epoch of the collector.
   *
   * @param keep false: only checks whether that is possible
   * @returns false if a template would need a different id there, or could now have the exporter's own; then nothing is
   *   taken
   */
  takeAgain(ids: TemplateIdSpace, keep: boolean): boolean {
    let same = true;
    const taken: [number, number][] = [];
    for (const domain of this.#domains.values()) {
      for (const [template, entry] of domain.templates) {
        if (entry.kind === "refused" || !entry.shared.sharesIds) continue;
        const layout = this.#intake.shared.fingerprints.targetLayout(entry.shared.mapping);
        const id = ids.take(domain.id, template, layout);
        if (id !== undefined) taken.push([domain.id, id]);
        same &&= id === entry.shared.targetId;
      }
    }
    if (keep && same) return true;
    for (const use of taken) ids.release(...use);
    return same;
  }
}
