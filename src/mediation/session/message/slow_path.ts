import { nextMessageLength } from "../../../ipfix/message/framing.ts";
import { PendingMapping } from "../../mapping/chain/pending_mapping.ts";
import type { Announcements } from "../../templates/announcements.ts";
import type { Counters } from "../../templates/counters.ts";
import type { SessionTemplates } from "../intake/session_templates.ts";
import type { SessionEvents } from "../session_events.ts";
import type { SessionTarget } from "../session_target.ts";
import { scratch } from "../working_memory.ts";
import type { MessagePlan } from "./message_plan.ts";
import { MessageReader } from "./message_reader.ts";
import { MessageReading, type Work } from "./message_reading.ts";
import type { MessageSource } from "./message_source.ts";
import { MessageWriter, type Output } from "./message_writer.ts";

/** What a session shares with its slow path. */
export interface SlowPathParts {
  readonly templates: SessionTemplates;
  readonly announcements: Announcements;
  readonly target: SessionTarget;
  readonly events: SessionEvents;
  readonly counters: Counters;
}

/**
 * Takes the messages that the rewrite loop, the fast path, leaves to TypeScript: one at a time, first read as a whole,
 * then written, over as many calls as that takes. Between messages it holds neither reader nor writer, since an idle
 * session needs none.
 */
export class SlowPath {
  readonly #parts: SlowPathParts;
  #reading: MessageReading | undefined;
  #plan: MessagePlan | undefined;
  #writer: MessageWriter | undefined;

  constructor(parts: SlowPathParts) {
    this.#parts = parts;
  }

  /** Whether a message is being read. */
  get reading(): boolean {
    return this.#reading !== undefined;
  }

  /** Octets of the message that is read and being written; 0 if there is none. */
  get length(): number {
    return this.#plan?.length ?? 0;
  }

  /** Data records of that message that are not written yet. */
  get remaining(): number {
    return this.#writer?.remaining ?? 0;
  }

  /**
   * Reads the message at the source's start, or goes on reading it.
   *
   * @returns "read" once it can be written; "incomplete" if its end has not arrived; "unfinished" if the work is used
   *   up; else what has to settle first
   * @throws DecodeError for a message that is refused whole, which then has changed nothing
   */
  read(source: MessageSource, work: Work): "read" | "incomplete" | "unfinished" | Promise<void> {
    const { templates, events } = this.#parts;
    let plan: MessagePlan | undefined;
    try {
      if (this.#reading === undefined) {
        if (nextMessageLength(source.octets, source.start) === "incomplete") return "incomplete";
        events.commit();
        this.#reading = new MessageReading(this.#newReader(), source, templates, events);
      }
      plan = this.#reading.proceed(source, work);
    } catch (error) {
      this.#reading = undefined;
      if (error instanceof PendingMapping) return error.settled;
      throw error;
    }
    if (plan === undefined) return this.#reading.waiting ?? "unfinished";
    this.#reading = undefined;
    templates.undoLog.commit();
    this.#account(plan);
    this.#plan = plan;
    this.#writer = this.#newWriter();
    this.#writer.begin(plan);
    return "read";
  }

  /**
   * Writes the message that was read, which lies at this address now.
   *
   * @returns false if the output was full, or the work used up, before its end
   */
  write(address: number, output: Output, work: Work): boolean {
    if (this.#writer?.write(address, output, work) === false) return false;
    this.#plan = this.#writer = undefined;
    return true;
  }

  /** Undoes what was read of a message, which will be read again from its start. */
  abandonReading(): void {
    this.#reading?.abandon();
    this.#reading = undefined;
  }

  /** Leaves the rest of the message that is being written. @returns how many data records that is */
  abandonWriting(): number {
    const records = this.#writer?.abandon() ?? 0;
    this.#plan = this.#writer = undefined;
    return records;
  }

  /** Counts a message that was read, and follows the exporter's sequence numbers. */
  #account(plan: MessagePlan): void {
    const { counters } = this.#parts;
    counters.messagesReceived++;
    counters.recordsReceived += plan.received + plan.undecodable;
    this.#follow(plan);
    if (plan.domain !== undefined) plan.domain.exportTime = plan.exportTime;
    if (plan.dropped) plan.domain?.sequence.depart(plan.sequenceNumber, plan.received);
  }

  #follow(plan: MessagePlan): void {
    const { target, events } = this.#parts;
    const { observationDomain, sequenceNumber, exportTime, domain, received, certain } = plan;
    const port = target.facts.portOf?.(observationDomain, sequenceNumber, exportTime) ?? 0;
    if (domain === undefined) return;
    const { sequence, ports } = domain;
    const { current } = sequence;
    const gaps = ports?.follow(port, sequenceNumber, received, certain, exportTime) ??
      sequence.follow(sequenceNumber, received, certain, exportTime);
    // Numbers that several ports count apart are of no use in the one session to the collector.
    if (ports?.several === true) sequence.depart(current, 0);
    if (gaps > 0) events.notify({ event: "sequence_gap", observationDomain, ...(ports?.gapOf(port) ?? sequence.gap) });
  }

  #newReader(): MessageReader {
    const { templates, target, events } = this.#parts;
    return new MessageReader({ templates, reliable: target.facts.reliable, target, events });
  }

  #newWriter(): MessageWriter {
    const { target, announcements, events } = this.#parts;
    return new MessageWriter({ target, announcements, scratch, mapper: target.shared.recordMapper, events });
  }
}
