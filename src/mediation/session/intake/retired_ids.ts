import { announcementKey } from "../../templates/announcements.ts";
import type { TemplateEntry } from "../../templates/template_entry.ts";
import type { TemplateIntake } from "./template_intake.ts";

/** How many ids of mappings no longer in force a session keeps reserved. */
const RETIRED_IDS = 64;

/**
 * Template ids, shared with other sessions, of one session's mappings that are no longer in force. They stay reserved
 * for a while: records sent under such an id may still be unread in the collector's socket when another session that
 * gets the id announces a different layout.
 */
export class RetiredIds {
  readonly #intake: Pick<TemplateIntake, "releaseId" | "target">;
  /** Oldest first. Made with the first of them, which most sessions never have. */
  #ids:
    | Map<ReturnType<typeof announcementKey>, { readonly observationDomain: number; readonly id: number }>
    | undefined;

  constructor(intake: Pick<TemplateIntake, "releaseId" | "target">) {
    this.#intake = intake;
  }

  /** Keeps the id that a template had before it was mapped again, unless it has the same one afterwards. */
  retire(observationDomain: number, before: TemplateEntry, after: TemplateEntry): void {
    if (before.kind === "refused" || !before.shared.sharesIds) return;
    const key = announcementKey(observationDomain, before.shared.targetId);
    const ids = this.#ids ??= new Map();
    const isStillHeld = ids.has(key) ||
      (after.kind === "accepted" && after.shared.sharesIds && after.shared.targetId === before.shared.targetId);
    if (isStillHeld) return this.#intake.releaseId(before, observationDomain);
    ids.set(key, { observationDomain, id: before.shared.targetId });
    for (const [oldest, { observationDomain, id }] of ids) {
      if (ids.size <= RETIRED_IDS) break;
      ids.delete(oldest);
      this.#intake.target.ids.release(observationDomain, id);
    }
  }

  /** Releases all of them. */
  release(): void {
    for (const { observationDomain, id } of this.#ids?.values() ?? []) {
      this.#intake.target.ids.release(observationDomain, id);
    }
    this.#ids = undefined;
  }
}
