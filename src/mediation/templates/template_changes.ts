import { OPTIONS_TEMPLATE_SET_ID, TEMPLATE_SET_ID } from "../../ipfix/message/set.ts";
import type { Template } from "../../ipfix/record/template.ts";
import { encodeWithdrawal } from "../../ipfix/record/template_record.ts";
import { type Announcement, type AnnouncementChange, announcementKey } from "./announcements.ts";
import type { DropReason, MediationEvent } from "./event.ts";
import type { AcceptedTemplate, TemplateEntry } from "./template_entry.ts";

/** A template whose mapping changed when it was mapped again. */
export interface RemappedTemplate {
  readonly observationDomain: number;
  readonly before: TemplateEntry;
  readonly after: TemplateEntry;
}

/** What is sent to the collector for a change, if anything, and how the announcements change with it. */
export interface TemplateChange {
  readonly observationDomain: number;
  /** A set of one record; undefined if nothing is sent. */
  readonly set?: { readonly id: number; readonly record: Uint8Array };
  readonly changes: readonly Pick<AnnouncementChange, "key" | "after">[];
}

/**
 * What to send to the collector for templates that were mapped again.
 *
 * @param withdrawals whether the collector takes withdrawals: then a template is withdrawn before another takes its id
 *   (RFC 7011 §8.1). Shared ids are never withdrawn, because another session's records may use them
 */
export function* templateChanges(
  remapped: Iterable<RemappedTemplate>,
  withdrawals: boolean,
): Generator<TemplateChange> {
  for (const { observationDomain, before, after } of remapped) {
    if (isSameToCollector(before, after)) continue;
    const id = setIdOf(after.source);
    if (before.kind === "accepted") {
      const gone = { key: announcementKey(observationDomain, before.shared.targetId), after: undefined };
      const record = encodeWithdrawal(before.shared.targetId, id === TEMPLATE_SET_ID ? "template" : "options-template");
      const sent = withdrawals && !before.shared.sharesIds ? { set: { id, record } } : {};
      yield { observationDomain, changes: [gone], ...sent };
    }
    if (after.kind === "accepted") {
      const announcement = announcementOf(observationDomain, after);
      const come = { key: announcementKey(observationDomain, after.shared.targetId), after: announcement };
      yield { observationDomain, changes: [come], set: { id, record: after.shared.announcement } };
    }
  }
}

/** Whether nothing has to be sent to the collector. */
export function isSameToCollector(before: TemplateEntry, after: TemplateEntry): boolean {
  if (before.kind === "refused" || after.kind === "refused") return before.kind === after.kind;
  const [one, other] = [before.shared.announcement, after.shared.announcement];
  return one.length === other.length && one.every((octet, index) => octet === other[index]);
}

/** An accepted template as it is announced to the collector. */
export function announcementOf(observationDomain: number, entry: AcceptedTemplate): Announcement {
  const { source, shared: { targetId, announcement } } = entry;
  return { observationDomain, targetId, setId: setIdOf(source), octets: announcement };
}

/** The set id of a template's record. */
export function setIdOf({ scopeFieldCount }: Template): number {
  return scopeFieldCount > 0 ? OPTIONS_TEMPLATE_SET_ID : TEMPLATE_SET_ID;
}

/** Equal keys: the same template, refused for the same reason. */
export function refusalKey(
  refusal: { readonly observationDomain: number; readonly template: number; readonly reason: DropReason },
): string {
  return `${refusal.observationDomain}/${refusal.template}/${refusal.reason}`;
}

/** The event that reports it; one that is refused now has been reported already. */
export function remappedEvent(
  { observationDomain, after }: RemappedTemplate,
  sameCollector: boolean,
): MediationEvent[] {
  if (after.kind === "refused") return [];
  const { source, shared: { targetId, identity, detectedProfile, mapping } } = after;
  return [{
    event: "template_mapped",
    observationDomain,
    template: source.id,
    targetTemplate: targetId,
    outcome: identity ? "identity" : "rewritten",
    replaced: false,
    remapped: true,
    ...(sameCollector ? {} : { renewed: true }),
    ...(detectedProfile === undefined ? {} : { detectedProfile }),
    mapping,
  }];
}
