import { encodeTemplateRecord } from "../../../ipfix/record/template_record.ts";
import type { Announcement } from "../../templates/announcements.ts";
import type { Counters } from "../../templates/counters.ts";
import type { TemplateOutcome } from "../../templates/event.ts";
import type { SharedState } from "../shared/shared_state.ts";
import type { Routes } from "../../program/loop/routes.ts";
import {
  announcementOf,
  isSameToCollector,
  refusalKey,
  type RemappedTemplate,
  setIdOf,
} from "../../templates/template_changes.ts";
import { foldCounts } from "../../templates/loop_counts.ts";
import type { SessionEvents } from "../session_events.ts";
import { isTargetId, ObservationDomains } from "./observation_domains.ts";
import { TargetIds } from "./target_ids.ts";
import { TemplateCollisions } from "./template_collisions.ts";
import type { PreparedTemplate, TemplateIntake } from "./template_intake.ts";
import type { ObservationDomain, TemplateEntry } from "../../templates/template_entry.ts";
import type { RoomMaker, TemplateShare } from "../../templates/template_memory.ts";
import { templateMessage } from "../../templates/template_message.ts";
import { UndoLog } from "../../templates/undo_log.ts";
import { PendingMapping } from "../../mapping/chain/pending_mapping.ts";
import { MANY_FIELDS, type Step, type Steps, WHOLE_TURN } from "../../mapping/chain/steps.ts";
import { LONG_TEMPLATE } from "../../templates/stored_template.ts";
import type { AnnouncedTemplate } from "./announced_template.ts";
import type { ChooseTreatment } from "../../mapping/chain/treatment.ts";

/** What it costs to prepare a template, besides its fields, in units of about a microsecond. */
const PREPARE_COST = 50;
/** The same where plugins may have to map it first, and what each of its fields costs then. */
const TEMPLATE_COST = 100;
const FIELD_COST = 2;

const MEMORY = "limits.templateMemory";

/** A template with more fields than this counts as several changes. */
const FIELDS_PER_CHANGE = 64;

/**
 * The templates of one session by observation domain and template id, within the configured caps. Changes that a
 * message makes can be rolled back while it is still being read.
 */
export class SessionTemplates {
  readonly domains: ReadonlyMap<number, ObservationDomain>;
  readonly undoLog = new UndoLog();
  /**
   * Target ids that no template of the session uses any more and that no pending output needs. The consumer removes
   * them from this array.
   */
  readonly staleTargets: { readonly observationDomain: number; readonly targetId: number }[] = [];
  /**
   * Whether this is a later transport session to the collector than the first: its sequence numbers then start at 0
   * again (RFC 7011 §3.1).
   */
  restarted = false;
  /**
   * Template changes so far, counted as in {@link OctetRewriter.templateChanges}; `limits.templateChanges` bounds their
   * rate.
   */
  changes = 0;
  readonly targetIds: TargetIds;
  readonly #domains: ObservationDomains;
  readonly #memory: TemplateShare;
  #count = 0;
  #closed = false;
  readonly #collisions: TemplateCollisions;
  #prepared: { readonly choose: ChooseTreatment; readonly prepared: Map<TemplateEntry, PreparedTemplate> } | undefined;

  constructor(
    readonly shared: SharedState,
    readonly intake: TemplateIntake,
    routes: Routes,
    readonly counters: Counters,
    readonly events: Pick<SessionEvents, "notify">,
    roomMaker?: RoomMaker,
  ) {
    this.#memory = shared.templateMemory.share(roomMaker);
    this.#domains = new ObservationDomains(routes, intake.facts);
    this.domains = this.#domains.byId;
    this.targetIds = new TargetIds(intake, this.domains);
    this.#collisions = new TemplateCollisions(this, shared.fingerprints, intake.target, events);
  }

  /** How many there are. */
  get count(): number {
    return this.#count;
  }

  /** How many of them have data that does not go out as it comes. */
  get changed(): number {
    return this.#domains.changed;
  }

  find(observationDomain: number, template: number): TemplateEntry | undefined {
    return this.domains.get(observationDomain)?.templates.get(template);
  }

  /**
   * Records a template that the exporter announced, in steps. Each is paid for before it is made, so that a call with
   * little work left leaves a new template to a later one.
   *
   * @returns a text that names the limit if one refuses it
   * @throws PendingMapping if a plugin has not answered yet; then nothing has changed
   */
  *learn(observationDomain: number, announced: AnnouncedTemplate): Generator<Step, TemplateEntry | string> {
    const previous = this.find(observationDomain, announced.id);
    if (previous !== undefined && announced.isLike(previous.source)) return previous;
    const limit = this.#limitReached(observationDomain, announced, previous);
    if (limit !== undefined) return this.#refuse(observationDomain, announced, previous, limit);
    if (announced.fieldCount < MANY_FIELDS) {
      yield TEMPLATE_COST + announced.fieldCount * FIELD_COST;
      return yield* this.#learn(observationDomain, announced);
    }
    try {
      // A whole turn: one cut short by earlier work would leave the template waiting after it has begun.
      yield WHOLE_TURN;
      for (let turn; (turn = this.shared.templateWork.begin(this, announced.fieldCount)) !== undefined;) yield turn;
      return yield* this.#learn(observationDomain, announced);
    } finally {
      this.shared.templateWork.end(this);
    }
  }

  *#learn(observationDomain: number, announced: AnnouncedTemplate): Steps<TemplateEntry | string> {
    const previous = this.find(observationDomain, announced.id);
    const source = yield* announced.decode();
    const { chooseTreatment } = this.intake.target;
    const prepared = yield* this.intake.prepare(source, observationDomain, previous, chooseTreatment);
    // Other sessions may have taken the room between two steps.
    const limit = this.#limitReached(observationDomain, announced, previous);
    if (limit !== undefined) return this.#refuse(observationDomain, announced, previous, limit);
    this.changes += Math.ceil(source.fields.length / FIELDS_PER_CHANGE);
    if (previous !== undefined) this.intake.releaseId(previous, observationDomain);
    const entry = this.intake.accept(prepared);
    const fits = this.#memory.fits(entry, !this.domains.has(observationDomain));
    const domain = fits ? this.#domain(observationDomain) : undefined;
    if (domain === undefined) {
      this.intake.releaseId(entry, observationDomain);
      this.intake.discard(entry);
      if (previous?.kind === "accepted") this.intake.holdId(previous, observationDomain);
      return this.#refuse(observationDomain, announced, previous, MEMORY);
    }
    this.#domains.put(domain, source.id, entry);
    this.#memory.take(entry);
    if (previous === undefined) this.#hold(1);
    this.undoLog.note(() => {
      if (previous === undefined) this.#hold(-1);
      this.intake.releaseId(entry, observationDomain);
      this.#memory.release(entry);
      this.intake.discard(entry);
      if (previous?.kind === "accepted") this.intake.holdId(previous, observationDomain);
      this.#restore(domain, source.id, previous);
    }, () => previous !== undefined && this.#retire(domain, previous));
    if (previous !== undefined) this.#countOutcome("replaced");
    if (entry.kind === "refused") this.#countOutcome("refused");
    else {
      this.#countOutcome(entry.shared.identity ? "identity" : "rewritten");
      this.events.notify({
        event: "template_mapped",
        observationDomain,
        template: source.id,
        targetTemplate: entry.shared.targetId,
        outcome: entry.shared.identity ? "identity" : "rewritten",
        replaced: previous !== undefined,
        ...(entry.shared.detectedProfile === undefined ? {} : { detectedProfile: entry.shared.detectedProfile }),
        mapping: entry.shared.mapping,
      });
      this.#collisions.notice(observationDomain, entry.shared);
    }
    return entry;
  }

  /** Takes nothing. A previous template of the same id no longer decodes anything. */
  #refuse(
    observationDomain: number,
    { id, fieldCount }: AnnouncedTemplate,
    previous: TemplateEntry | undefined,
    limit: string,
  ): string {
    if (previous !== undefined) this.withdraw(observationDomain, id);
    this.#countOutcome("refused");
    return `${limit} is used up: a template of ${fieldCount} ${fieldCount === 1 ? "field" : "fields"} is refused`;
  }

  /** Removes this session as the last announcer of its templates. */
  forgetAnnouncements(): void {
    for (const { id, templates } of this.domains.values()) {
      for (const entry of templates.values()) {
        if (entry.kind === "accepted") this.#collisions.forget(id, entry.shared.targetId);
      }
    }
  }

  /** Withdraws a template (RFC 7011 §8.1). */
  withdraw(observationDomain: number, template: number): TemplateEntry | undefined {
    const domain = this.domains.get(observationDomain);
    const entry = domain?.templates.get(template);
    if (domain === undefined || entry === undefined) return undefined;
    this.changes++;
    this.intake.releaseId(entry, observationDomain);
    this.#collisions.forget(observationDomain, template);
    this.#domains.remove(domain, template);
    this.#hold(-1);
    this.undoLog.note(() => {
      this.#hold(1);
      if (entry.kind === "accepted") this.intake.holdId(entry, observationDomain);
      this.#restore(domain, template, entry);
    }, () => this.#retire(domain, entry));
    this.events.notify({ event: "template_withdrawn", observationDomain, template });
    return entry;
  }

  /**
   * Maps and compiles all templates under the given treatments, in steps, for the next {@link remap}.
   *
   * @returns a promise that resolves when it is worth preparing again, or undefined if nothing is pending
   */
  *prepare(choose: ChooseTreatment): Steps<Promise<void> | undefined> {
    const pending: Promise<void>[] = [];
    const prepared = new Map<TemplateEntry, PreparedTemplate>();
    for (const { id, templates } of this.domains.values()) {
      for (const entry of templates.values()) {
        try {
          prepared.set(entry, yield* this.intake.prepare(entry.source, id, entry, choose));
        } catch (error) {
          if (!(error instanceof PendingMapping)) throw error;
          pending.push(error.settled);
        }
        yield PREPARE_COST + entry.source.fields.length;
      }
    }
    if (pending.length > 0) return Promise.all(pending).then(() => {});
    this.#prepared = { choose, prepared };
    return undefined;
  }

  /** Takes what was prepared of a template; prepares it now if nothing was. */
  #takeAgain(before: TemplateEntry, observationDomain: number, sameCollector: boolean): TemplateEntry {
    const { choose, prepared } = this.#prepared ?? {};
    const found = choose === this.intake.target.chooseTreatment ? prepared?.get(before) : undefined;
    const isKept = found !== undefined && found.failure !== undefined && !("refusal" in found);
    // Another collector might be unable to decode what is kept when a plugin fails.
    if (found !== undefined && (sameCollector || !isKept)) return this.intake.accept(found);
    return this.intake.take(before.source, observationDomain, sameCollector ? before : undefined);
  }

  /**
   * Maps every template again. Must not be called in the middle of a message, because it replaces the entries.
   *
   * @param sameCollector whether the collector's expectations are unchanged. If so, the previous mapping stays in force
   *   when a plugin fails or memory runs short; a different collector might be unable to decode it
   * @param sameEpoch whether the collector still knows the ids taken before; if not, they have already been released
   * @returns the templates that changed from the collector's point of view
   */
  remap(sameCollector: boolean, sameEpoch = true): RemappedTemplate[] {
    const remapped: RemappedTemplate[] = [];
    for (const domain of this.domains.values()) {
      for (const [template, before] of [...domain.templates]) {
        const after = this.#takeAgain(before, domain.id, sameCollector);
        // If memory does not suffice for both, the previous mapping stays in force.
        const isShort = after.kind === "refused" && after.reason === "limit";
        if (sameCollector && isShort && before.kind === "accepted") {
          const message = `its earlier mapping stays in force: ${after.message}`;
          this.events.notify({ event: "warning", observationDomain: domain.id, template, message });
          continue;
        }
        if (sameEpoch) this.targetIds.retire(domain.id, before, after);
        this.#domains.put(domain, template, after);
        this.#memory.take(after);
        this.#discard(before);
        if (before.kind === "accepted" && after.kind === "accepted") after.records = before.records;
        if (!isSameToCollector(before, after)) remapped.push({ observationDomain: domain.id, before, after });
      }
    }
    this.#prepared = undefined;
    return remapped;
  }

  /** Keys of the refused templates, including the reason; see {@link refusalKey}. */
  *refusals(): Generator<string> {
    for (const { id, templates } of this.domains.values()) {
      for (const [template, entry] of templates) {
        if (entry.kind === "refused") yield refusalKey({ observationDomain: id, template, reason: entry.reason });
      }
    }
  }

  /** The templates as the exporter announced them, one per message. */
  *sources(): Generator<Uint8Array> {
    for (const { id, sequence, templates, exportTime } of this.domains.values()) {
      const header = {
        exportTime,
        sequenceNumber: sequence.current,
        observationDomainId: id,
      };
      for (const { source } of templates.values()) {
        yield templateMessage(setIdOf(source), encodeTemplateRecord(source), header);
      }
    }
  }

  /** The templates announced to the collector, in order of arrival. */
  *announcements(): Generator<Announcement> {
    for (const domain of this.domains.values()) {
      for (const entry of domain.templates.values()) {
        if (entry.kind === "accepted") yield announcementOf(domain.id, entry);
      }
    }
  }

  /** Adds the rewrite loop's counts to the session's counters. */
  fold(): void {
    for (const domain of this.domains.values()) {
      this.counters.sequenceGaps += (domain.ports ?? domain.sequence).takeGaps();
      for (const entry of domain.templates.values()) if (entry.kind === "accepted") foldCounts(entry, this.counters);
    }
    // Counters are read once more when a session has ended, and must not be charged again.
    if (!this.#closed) this.#memory.countNames(this.counters.names);
    if (!this.shared.keepLostValues) this.counters.forgetLostValues();
  }

  /** No more messages come: what is still missing of them is lost. */
  endSequences(): void {
    for (const { ports, sequence } of this.domains.values()) (ports ?? sequence).end();
  }

  close(): void {
    this.shared.templateWork.end(this);
    this.forgetAnnouncements();
    this.targetIds.release();
    for (const domain of this.domains.values()) {
      for (const entry of domain.templates.values()) {
        this.#discard(entry);
        this.#hold(-1);
      }
      this.#memory.holdDomain(-1);
    }
    this.#domains.clear();
    this.#closed = true;
    this.#memory.countNames(0);
  }

  /** Counts the outcome once the message is committed. */
  #countOutcome(outcome: TemplateOutcome): void {
    this.undoLog.note(() => {}, () => this.counters.countTemplates(outcome));
  }

  /** The limit that this template would exceed. */
  #limitReached(
    observationDomain: number,
    announced: AnnouncedTemplate,
    previous: TemplateEntry | undefined,
  ): string | undefined {
    const { limits, templates } = this.shared;
    // Mapping a long template takes time, and no other session is likely to have the same.
    if (announced.fieldCount > LONG_TEMPLATE && !this.#fits(announced)) return MEMORY;
    if (previous !== undefined) return undefined;
    if (this.#count >= limits.templatesPerSession) return "limits.templatesPerSession";
    if (templates >= limits.templates) return "limits.templates";
    const isNewDomain = !this.domains.has(observationDomain);
    if (isNewDomain && this.domains.size >= limits.observationDomainsPerSession) {
      return "limits.observationDomainsPerSession";
    }
    return undefined;
  }

  /** Whether there is room for a template that no other session has. Elements are only looked up if the rest fits. */
  #fits(announced: AnnouncedTemplate): boolean {
    const { fieldCount } = announced;
    return this.#memory.fitsTemplate(fieldCount, 0) &&
      this.#memory.fitsTemplate(fieldCount, announced.unknownFields());
  }

  /** Counts one template more or less against the limits. */
  #hold(change: 1 | -1): void {
    this.#count += change;
    this.shared.templates += change;
  }

  /** The observation domain of this id, opened if it is new; undefined when the rewrite loop's memory is used up. */
  #domain(id: number): ObservationDomain | undefined {
    const known = this.domains.get(id);
    if (known !== undefined) return known;
    const domain = this.#domains.open(id);
    if (domain === undefined) return undefined;
    this.#memory.holdDomain(1);
    if (this.restarted) domain.sequence.restart();
    this.undoLog.note(() => {
      this.#domains.close(domain);
      this.#memory.holdDomain(-1);
    });
    return domain;
  }

  #restore(domain: ObservationDomain, template: number, entry: TemplateEntry | undefined): void {
    if (entry !== undefined) this.#domains.put(domain, template, entry);
    else this.#domains.remove(domain, template);
  }

  /** Discards an entry that is no longer needed, and marks its target id as stale unless another template uses it. */
  #retire(domain: ObservationDomain, entry: TemplateEntry): void {
    this.#discard(entry);
    if (entry.kind === "refused") return;
    const { targetId } = entry.shared;
    if (!isTargetId(domain, targetId)) this.staleTargets.push({ observationDomain: domain.id, targetId });
  }

  #discard(entry: TemplateEntry): void {
    if (entry.kind === "accepted") foldCounts(entry, this.counters);
    this.#memory.release(entry);
    this.intake.discard(entry);
  }
}
