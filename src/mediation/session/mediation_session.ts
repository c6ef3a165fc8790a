import { DecodeError } from "../../ipfix/octets/decode_error.ts";
import {
  decodeMessageHeader,
  EXPORT_TIME_OFFSET,
  IPFIX_VERSION,
  MESSAGE_HEADER_LENGTH,
  OBSERVATION_DOMAIN_OFFSET,
} from "../../ipfix/message/message_header.ts";
import { u16At, u32At } from "../../ipfix/octets/network_order.ts";
import { Announcements } from "../templates/announcements.ts";
import type { CompiledMappings } from "../program/compiled_mapping.ts";
import { Counters, increment } from "../templates/counters.ts";
import type { MediationEvent } from "../templates/event.ts";
import type { Steps } from "../mapping/chain/steps.ts";
import type { ChooseTreatment } from "../mapping/chain/treatment.ts";
import type { SharedState } from "./shared/shared_state.ts";
import type { Work } from "./message/message_reading.ts";
import type { Output } from "./message/message_writer.ts";
import { Replay } from "./message/replay.ts";
import { SlowPath } from "./message/slow_path.ts";
import { addressOf, memoryOctets } from "../program/loop/memory.ts";
import { rewriteMessages, Stop } from "../program/loop/rewrite_loop.ts";
import { Routes } from "../program/loop/routes.ts";
import { SessionEvents } from "./session_events.ts";
import type { CollectorFacts, SessionFacts, SessionRewriter, TemplateState } from "./session_rewriter.ts";
import { SessionTarget } from "./session_target.ts";
import { SessionTemplates } from "./intake/session_templates.ts";
import { refusalKey, remappedEvent, type RemappedTemplate, templateChanges } from "../templates/template_changes.ts";
import { TemplateIntake } from "./intake/template_intake.ts";
import { templateStates } from "./intake/template_states.ts";
import { STAGE_LENGTH, stagedInput, stagedOutput } from "./working_memory.ts";

/** Events reported in one call with a work limit. Each becomes a line in the log. */
const EVENTS_PER_CALL = 50;
/** Work units charged for releasing one template. */
const FINISH_COST = 2;
const NOTHING = new Uint8Array(0);

type Refusal = MediationEvent & { readonly event: "template_refused" };

/** The output of one call. */
interface Room extends Output {
  /** Whether the output is the unchanged input, left in place. */
  relayed: boolean;
}

/** The implementation of {@link SessionRewriter}. */
export class MediationSession implements SessionRewriter {
  consumed = 0;
  produced = 0;
  producedRecords = 0;
  unfinished = false;
  templateChanges = 0;
  waiting: Promise<void> | undefined;
  readonly #counters = new Counters();
  readonly #routes: Routes;
  readonly #templates: SessionTemplates;
  readonly #announcements = new Announcements();
  readonly #target: SessionTarget;
  readonly #replay: Replay;
  readonly #slowPath: SlowPath;
  readonly #compiled: CompiledMappings;
  readonly #events: SessionEvents;
  /** Work budget left for the current call. */
  readonly #work: Work = { left: Infinity };
  /**
   * Messages in the last output, until it is known to have been taken; its octets and records are `produced` and
   * `producedRecords`.
   */
  #untakenMessages = 0;
  #untakenOctets = 0;
  #untakenRecords = 0;
  /** Octets at the start of the input that belong to an abandoned message. */
  #abandoned = 0;
  /** Whether to map the templates again after the current message. */
  #remapping = false;
  #closed = false;
  /** Under way with {@link prepare}. */
  #preparing: { readonly choose: ChooseTreatment; readonly steps: Steps<Promise<void> | undefined> } | undefined;

  constructor(shared: SharedState, facts: SessionFacts) {
    this.#compiled = shared.compiled;
    const target = this.#target = new SessionTarget(shared, facts);
    const events = this.#events = new SessionEvents(this.#counters, facts.notify, shared.reportedKinds);
    this.#routes = new Routes(target.maxMessageLength);
    const intake = new TemplateIntake(shared, facts, target, events);
    this.#templates = new SessionTemplates(shared, intake, this.#routes, this.#counters, events, facts.roomMaker);
    this.#replay = new Replay(this.#templates, this.#announcements, target);
    this.#slowPath = new SlowPath({
      templates: this.#templates,
      announcements: this.#announcements,
      target,
      events,
      counters: this.#counters,
    });
  }

  get counters(): Counters {
    this.#templates.fold();
    return this.#counters;
  }

  get skewed(): boolean {
    return this.#templates.changed > 0;
  }

  get templatesKnown(): boolean {
    if (this.#templates.count === 0) return false;
    for (const { observationDomain, template } of this.#events.lackingTemplates()) {
      if (this.#templates.find(observationDomain, template) === undefined) return false;
    }
    return true;
  }

  rewrite(input: Uint8Array, output: Uint8Array, work = Infinity): Uint8Array {
    if (this.#closed) throw new Error("the session is closed");
    this.#take();
    this.unfinished = false;
    this.#work.left = work;
    const changes = this.#templates.changes;
    this.produced = this.producedRecords = 0;
    this.waiting = undefined;
    this.consumed = this.#abandoned;
    this.#abandoned = 0;
    this.#announcements.settle();
    let inputAddress = addressOf(input);
    const source = inputAddress < 0 ? input.subarray(0, STAGE_LENGTH) : input;
    if (inputAddress < 0) memoryOctets.set(source, inputAddress = stagedInput);
    const start = addressOf(output) < 0 ? stagedOutput : addressOf(output);
    const room: Room = {
      start,
      end: start + Math.min(output.length, STAGE_LENGTH),
      at: start,
      messages: 0,
      records: 0,
      relayed: false,
    };
    try {
      this.#run(source, inputAddress, room);
    } finally {
      this.produced = room.at - start;
      this.producedRecords = room.records;
      this.#untakenMessages = room.messages;
      this.#untakenOctets = this.produced;
      this.#untakenRecords = room.records;
      this.#counters.octetsReceived += this.consumed;
      this.templateChanges = this.#templates.changes - changes;
      if (!this.#slowPath.reading) this.#events.commit();
      if (!this.#events.report(work === Infinity ? Infinity : EVENTS_PER_CALL)) this.unfinished = true;
    }
    if (room.relayed) return input.subarray(this.consumed - this.produced, this.consumed);
    if (start === stagedOutput) output.set(memoryOctets.subarray(start, room.at));
    return output.subarray(0, this.produced);
  }

  /** Counts the last output as sent, except for the messages, octets and records at its end that were not taken. */
  #take(messages = 0, octets = 0, records = 0): void {
    this.#counters.messagesSent += this.#untakenMessages - messages;
    this.#counters.octetsSent += this.#untakenOctets - octets;
    this.#counters.recordsSent += this.#untakenRecords - records;
    this.#untakenMessages = this.#untakenOctets = this.#untakenRecords = 0;
  }

  get recordsInHand(): number {
    return this.#untakenRecords + this.#slowPath.remaining;
  }

  get heldRecords(): number {
    return this.#replay.records;
  }

  get heldOctets(): number {
    return this.#replay.octets;
  }

  #run(input: Uint8Array, address: number, output: Room): void {
    const isReplayed = this.#replay.write(output, this.#readClock(input));
    this.#counters.recordsResent += this.#replay.written;
    if (!isReplayed) return;
    for (;;) {
      const { length } = this.#slowPath;
      if (length > 0) {
        if (!this.#slowPath.write(address + this.consumed, output, this.#work)) {
          if (this.#work.left <= 0) this.unfinished = true;
          return;
        }
        this.consumed += length;
      }
      const maxMessages = this.#target.dialect.messagesPerWrite;
      if (this.#slowPath.reading) {
        if (output.messages >= maxMessages || !this.#readGeneral(input, address, output)) return;
        continue;
      }
      if (!this.#finishTemplates(output)) return;
      if (this.#remapping) {
        const pending = this.prepare(this.#work.left);
        if (pending === "unfinished") this.unfinished = true;
        else this.waiting = pending;
        if (pending !== undefined) return;
        this.#remap();
        if (!this.#replay.write(output)) return;
      }
      if (output.messages >= maxMessages) return;
      if (this.#target.facts.portOf !== undefined) {
        if (!this.#readGeneral(input, address, output)) return;
        continue;
      }
      this.#routes.maxMessages = maxMessages - output.messages;
      const { stop, consumed, produced, records, messages, frequentProgram, relayed } = rewriteMessages(
        this.#routes.address,
        address + this.consumed,
        address + input.length,
        output.at,
        output.end,
      );
      if (relayed && output.at === output.start) output.relayed = true;
      else if (relayed) memoryOctets.copyWithin(output.at, address + this.consumed, address + this.consumed + produced);
      this.consumed += consumed;
      output.at += produced;
      output.messages += messages;
      output.records += records;
      this.#counters.messagesReceived += messages;
      this.#counters.recordsReceived += records;
      if (frequentProgram !== 0) this.#compiled.compileWalkFunction(frequentProgram);
      if (stop !== Stop.general) return;
      if (!this.#readGeneral(input, address, output)) return;
    }
  }

  /**
   * Export time of the exporter's next message, if available: repeated templates must not be older than what follows
   * them.
   */
  #readClock(input: Uint8Array): number | undefined {
    const start = this.consumed;
    if (input.length - start < MESSAGE_HEADER_LENGTH) return undefined;
    const domain = this.#templates.domains.get(u32At(input, start + OBSERVATION_DOMAIN_OFFSET));
    if (domain === undefined || u16At(input, start) !== IPFIX_VERSION) return undefined;
    return domain.exportTime = u32At(input, start + EXPORT_TIME_OFFSET);
  }

  /**
   * Reads a message that the rewrite loop could not handle. Returns false if it must wait: earlier output has to go out
   * first, the message is incomplete, or its remainder is left to the next call.
   */
  #readGeneral(input: Uint8Array, address: number, output: Output): boolean {
    try {
      const read = this.#slowPath.read({ octets: input, start: this.consumed, address }, this.#work);
      if (read === "read") return true;
      if (read === "unfinished") this.unfinished = true;
      else if (read !== "incomplete") this.waiting = read;
      return false;
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      if (output.at > output.start || this.consumed > 0) return false;
      increment(this.#counters.messagesRejected, error.reason);
      throw error;
    }
  }

  /**
   * Releases the templates that the last message replaced or withdrew. The change is recorded at the message's last
   * octet, or before the first octet of output if the message was written in an earlier call.
   *
   * @returns whether none is left
   */
  #finishTemplates(output: Output): boolean {
    const most = Math.max(1, Math.ceil(this.#work.left / FINISH_COST));
    const done = this.#templates.undoLog.finish(most);
    this.#work.left -= done * FINISH_COST;
    this.#retireStale(output.at - output.start - 1);
    if (done < most) return true;
    this.unfinished = true;
    return false;
  }

  #retireStale(offset: number): void {
    for (const { observationDomain, targetId } of this.#templates.staleTargets.splice(0)) {
      this.#announcements.retire(observationDomain, targetId, offset);
    }
  }

  interrupt(unsent: Uint8Array): void {
    this.#slowPath.abandonReading();
    this.#take(countMessages(unsent), unsent.length, this.#replay.keep(unsent, this.produced));
    this.produced = this.producedRecords = 0;
  }

  discard(unsent?: Uint8Array): number {
    this.#slowPath.abandonReading();
    let dropped = this.#untakenRecords;
    if (unsent !== undefined) {
      this.interrupt(unsent);
      dropped = 0;
    } else {
      this.#announcements.rewind(0);
      this.#take(this.#untakenMessages, this.#untakenOctets, this.#untakenRecords);
      this.produced = this.producedRecords = 0;
    }
    this.#abandoned += this.#slowPath.length;
    dropped += this.#replay.forget() + this.#slowPath.abandonWriting();
    this.#templates.undoLog.finish();
    if (dropped > 0) increment(this.#counters.recordsDropped, "collector_unavailable", dropped);
    return dropped;
  }

  takeAbandoned(): number {
    const octets = this.#abandoned;
    this.#abandoned = 0;
    this.#counters.octetsReceived += octets;
    return octets;
  }

  restart(unsent: Uint8Array = NOTHING): void {
    this.interrupt(unsent);
    const { ids } = this.#target.knowledge;
    if (this.#target.ids !== ids && this.#templates.targetIds.takeAgain(ids, true)) {
      this.#templates.targetIds.release();
      this.#target.ids = ids;
    }
    this.#replay.restart();
  }

  announce(): void {
    this.#replay.announce();
  }

  remap(work = Infinity): boolean {
    if (this.#closed) return true;
    this.#remapping = true;
    // A message's changes can be rolled back only if nothing else changes the templates meanwhile.
    const isBetweenMessages = this.#slowPath.length === 0 && !this.#slowPath.reading;
    if (!isBetweenMessages) return true;
    const pending = this.prepare(work);
    if (pending === "unfinished") return false;
    // Remap even if no further message arrives.
    if (pending !== undefined) void pending.then(() => this.#remapping && this.remap());
    else {
      this.#templates.undoLog.finish();
      this.#retireStale(-1);
      this.#remap();
    }
    return true;
  }

  prepare(work = Infinity, collector: CollectorFacts = this.#target): Promise<void> | "unfinished" | undefined {
    const { chooseTreatment } = collector.knowledge ?? this.#target.shared;
    if (this.#preparing?.choose !== chooseTreatment) {
      this.#preparing = { choose: chooseTreatment, steps: this.#templates.prepare(chooseTreatment) };
    }
    for (let left = work;;) {
      const step = this.#preparing.steps.next();
      if (step.done === true) {
        this.#preparing = undefined;
        return step.value;
      }
      left -= step.value;
      if (left <= 0) return "unfinished";
    }
  }

  get outdated(): boolean {
    if (this.#target.outdated) return true;
    const { ids } = this.#target.knowledge;
    if (this.#target.ids === ids) return false;
    return this.#templates.domains.size === 0 || !this.#templates.targetIds.takeAgain(ids, false);
  }

  renew(unsent: Uint8Array = NOTHING, collector: CollectorFacts = this.#target): number {
    const dropped = this.discard(unsent);
    this.#remapping = false;
    const { knowledge = this.#target.shared } = collector;
    const sameEpoch = this.#target.ids === knowledge.ids;
    if (!sameEpoch) this.#templates.targetIds.release();
    if (knowledge !== this.#target.knowledge) this.#templates.forgetAnnouncements();
    this.#target.adopt(collector);
    this.#routes.maxMessageLength = this.#target.maxMessageLength;
    // No template was announced yet, so the next transport session counts as the first.
    if (this.#templates.domains.size === 0) return dropped;
    this.#mapAgain(false, sameEpoch);
    this.#templates.staleTargets.length = 0; // the new connection begins with the current templates
    this.#replay.renew(this.#templates.announcements());
    this.#events.commit();
    this.#events.report();
    return dropped;
  }

  #remap(): void {
    this.#remapping = false;
    this.#target.follow();
    this.#replay.change(templateChanges(this.#mapAgain(true), this.#target.dialect.withdrawals));
    this.#events.commit();
    this.#events.report();
  }

  /** Maps every template again and reports only the differences. */
  #mapAgain(sameCollector: boolean, sameEpoch = true): RemappedTemplate[] {
    const refusals = new Set(this.#templates.refusals());
    const first = this.#events.length;
    const remapped = this.#templates.remap(sameCollector, sameEpoch);
    // Neither one that was refused before nor one whose earlier mapping stays in force is refused by this.
    const isNewlyRefused = (event: Refusal) =>
      !refusals.has(refusalKey(event)) &&
      this.#templates.find(event.observationDomain, event.template)?.kind === "refused";
    this.#events.keep(
      first,
      (event) => !("event" in event) || event.event !== "template_refused" || isNewlyRefused(event),
    );
    for (const event of remapped.flatMap((one) => remappedEvent(one, sameCollector))) this.#events.notify(event);
    return remapped;
  }

  sourceTemplates(): Uint8Array[] {
    return [...this.#templates.sources()];
  }

  templates(): TemplateState[] {
    this.#templates.fold();
    return templateStates(this.#templates.domains.values());
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#slowPath.abandonReading();
    this.#templates.undoLog.finish();
    this.#templates.endSequences();
    this.#templates.fold();
    this.#templates.close();
    this.#events.close();
    this.#routes.close();
  }
}

/** Counts the messages in a sequence of whole messages. */
function countMessages(octets: Uint8Array): number {
  let messages = 0;
  for (let at = 0; at < octets.length; messages++) at += decodeMessageHeader(octets, at).length;
  return messages;
}
