import { LENGTH_OFFSET } from "../../ipfix/message/message_header.ts";
import { DecodeError } from "../../ipfix/octets/decode_error.ts";
import type { SessionRewriter } from "../../mediation/session/session_rewriter.ts";
import { increment } from "../../mediation/templates/counters.ts";
import type { OutputBuffer } from "../memory/output_buffer.ts";
import type { ReadBuffer } from "../memory/read_buffer.ts";
import type { ReportOfSession } from "../reporting/proxy_event.ts";
import type { Clock } from "../time/clock.ts";
import type { RecentUse } from "../time/recent_use.ts";
import type { Turns } from "../time/turns.ts";
import { LITTLE_WORK, WORK } from "./session_parts.ts";
import type { Connection } from "../transport/connection.ts";
import { messageLength } from "../transport/message_walk.ts";

/** Milliseconds of silence after which the kernels are taken to hold nothing more from the exporter. */
const QUIET = 100;
/** Milliseconds that reading may take: an exporter that goes on sending could keep it busy forever. */
const LONGEST = 2_000;
const NOTHING = new Uint8Array(0);

export interface RemainderParts {
  readonly exporter: Connection;
  readonly rewriter: SessionRewriter;
  readonly input: ReadBuffer;
  readonly output: OutputBuffer;
  readonly clock: Clock;
  readonly turns: Turns;
  /** What the session has used of the time for costly work. */
  readonly use: RecentUse;
  /** Whether to leave what needs costly work, which may take minutes: what is left counts as a record a message. */
  readonly brief: boolean;
  readonly report: ReportOfSession;
}

/**
 * What a session has left when it ends and there is no collector to take it. It goes through the rewriter, which counts
 * its records as received and dropped, so that none is lost without a figure that says so.
 */
export class Remainder {
  /** Records that were dropped. */
  #records = 0;
  /** Octets of the exporter's messages that were dropped unsent. */
  #octets = 0;
  readonly #parts: RemainderParts;
  /** What messages that are dropped unread were waiting for: template work, or a plugin. */
  readonly #reason: "template_changes" | "mapping_failed";
  #stop = () => {};
  #stopped = false;
  /** Whether a message is broken behind which nothing can be read: over UDP there is none. */
  #broken = false;

  constructor(parts: RemainderParts) {
    this.#parts = parts;
    this.#reason = parts.rewriter.waiting === undefined ? "template_changes" : "mapping_failed";
  }

  /**
   * Drops what the session holds, and reports it. A message that is broken, or not all there, stays in the input.
   *
   * Where there is no collector, that includes what the kernels hold: the exporter has written it, and would otherwise
   * never know that it is lost. Then this closes the exporter's connection.
   *
   * @param isAway whether the session waited for a collector in vain
   */
  async drop(isAway: boolean): Promise<void> {
    await this.#dropHeld();
    if (isAway) await this.#dropUnread();
    if (this.#stopped) this.#dropMessages();
    const [records, octets] = [this.#records, this.#octets];
    if (records === 0) return;
    const why = isAway ? "the collector did not come back in time" : "the session has ended";
    const message = `dropped ${
      records === 1 ? "1 record" : `${records} records`
    } that the collector had not accepted: ${why}`;
    this.#parts.report("warning", "held_octets_discarded", message, { octets, records });
  }

  /** Ends {@link drop}, or lets it do as little as possible. What is left then counts as a record a message. */
  stop(): void {
    this.#stopped = true;
    this.#stop();
  }

  async #dropHeld(): Promise<void> {
    const { rewriter, exporter, input } = this.#parts;
    this.#octets += rewriter.heldOctets;
    this.#records += rewriter.discard(NOTHING);
    input.consume(rewriter.takeAbandoned());
    await this.#dropInput();
    while (!this.#stopped && !this.#broken && (exporter.available ?? 0) > 0 && this.#takeAvailable()) {
      await this.#dropInput();
    }
    this.#octets += input.length;
  }

  /**
   * Reads and drops what the kernels on both sides still hold, until nothing more comes, the exporter has closed its
   * side, or time is up. Nothing behind a broken message can be read.
   */
  async #dropUnread(): Promise<void> {
    const { exporter, input, clock } = this.#parts;
    const end = clock.now() + LONGEST;
    while (!this.#stopped && !this.#broken && clock.now() < end) {
      const reading = exporter.read(input.space()).catch(() => null);
      const cancel = clock.after(QUIET, () => exporter.close());
      this.#stop = () => exporter.close();
      const length = await reading;
      cancel();
      if (length === null) break;
      this.#octets += length;
      input.fill(length);
      await this.#dropInput();
    }
    exporter.close();
  }

  /** Drops the whole messages that are left without reading them, which may be a second's work on templates. */
  #dropMessages(): void {
    const { rewriter: { counters }, input } = this.#parts;
    for (;;) {
      const { length } = input;
      const message = length < LENGTH_OFFSET + 2 ? Infinity : messageLength(input.waiting(), 0);
      if (message === 0 || message > length) return;
      input.consume(message);
      this.#records++;
      counters.recordsReceived++;
      increment(counters.recordsDropped, this.#reason);
    }
  }

  #takeAvailable(): boolean {
    const { exporter, input } = this.#parts;
    const length = exporter.take?.(input.space()) ?? 0;
    this.#octets += length;
    input.fill(length);
    return length > 0;
  }

  async #dropInput(): Promise<void> {
    const { rewriter, exporter, input, output, turns, use, brief } = this.#parts;
    while (!this.#stopped) {
      const costly = rewriter.unfinished;
      if (costly && brief) this.#stopped = true;
      else if (costly) await turns.costly(use, this);
      else if (turns.over) await turns.next(true);
      if (this.#stopped) return;
      const rewrite = (work: number) => rewriter.rewrite(input.waiting(), output.lease(), work);
      try {
        if (costly) turns.spend(use, () => rewrite(WORK));
        else rewrite(LITTLE_WORK);
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        if (exporter.transport !== "udp") {
          this.#broken = true;
          return;
        }
        input.consume(messageLength(input.waiting(), 0));
        continue;
      }
      const { consumed, produced, unfinished, waiting } = rewriter;
      input.consume(consumed);
      // What is being read would be taken back, and begun anew.
      if (produced > 0) this.#records += rewriter.discard();
      if (consumed > 0 || produced > 0 || unfinished) continue;
      if (waiting === undefined) return;
      if (brief) this.#stopped = true;
      else await this.#unlessStopped(waiting);
    }
  }

  /** Waits for a plugin's answer, or until {@link stop} is called. */
  #unlessStopped(answer: Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      this.#stop = resolve;
      void answer.then(resolve);
    });
  }
}
