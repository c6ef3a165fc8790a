import assert from "node:assert/strict";
import fc from "fast-check";
import type { Mediator } from "../../src/mediation/session/mediator.ts";
import type { Profile } from "../../src/mediation/mapping/profile/profile.ts";
import type { SessionRewriter } from "../../src/mediation/session/session_rewriter.ts";
import { deliver } from "../support/delivered.ts";
import { wholeMessages } from "../support/lossy_collector.ts";
import { assertBalance } from "../support/rewrite_all.ts";
import { defaultPlugins, mediatorOf } from "../support/session.ts";
import { collectors, streams } from "../support/messages/stream_arbitrary.ts";
import { writeStream } from "../support/messages/stream_plan.ts";
import { join } from "../support/messages/wire.ts";

/** What happens to the connection at one write, and how much of that write it had taken (modulo what it has). */
interface Happening {
  readonly what: "taken" | "lost" | "lost, and lost again" | "lost for good" | "reloaded" | "lost, another release";
  readonly octets: number;
}

const happenings: fc.Arbitrary<Happening[]> = fc.array(
  fc.record({
    what: fc.constantFrom(
      "taken",
      "lost",
      "lost, and lost again",
      "lost for good",
      "reloaded",
      "lost, another release",
    ),
    octets: fc.oneof(fc.nat(), fc.constant(0)),
  }),
  { minLength: 1, maxLength: 12 },
);

/** Drives a session through what happens, and counts what its collectors were given whole. */
class Course {
  readonly #mediator: Mediator;
  readonly #session: SessionRewriter;
  readonly #connections: Uint8Array[][] = [[]];
  /** Whether no collector came back in time: what else arrives is read and thrown away. */
  #isOver = false;

  constructor(first: Profile, readonly second: Profile) {
    this.#mediator = mediatorOf(first);
    this.#session = this.#mediator.open({ reliable: true });
  }

  run(octets: Uint8Array, happenings: readonly Happening[]): void {
    const session = this.#session;
    const output = new Uint8Array(65535);
    const remaining = [...happenings];
    for (let consumed = 0;;) {
      const produced = session.rewrite(octets.subarray(consumed), output).slice();
      consumed += session.consumed;
      assertBalance(session);
      if (session.consumed === 0 && produced.length === 0) break;
      if (this.#isOver) session.discard();
      else if (produced.length > 0) this.#write(produced, remaining.shift());
      assertBalance(session);
    }
  }

  #write(produced: Uint8Array, happening: Happening = { what: "taken", octets: 0 }): void {
    const session = this.#session;
    const { what, octets } = happening;
    if (what === "taken") return void this.#connections.at(-1)?.push(produced);
    if (what === "reloaded") {
      this.#connections.at(-1)?.push(produced);
      session.remap();
      return;
    }
    const whole = wholeMessages(produced, octets % (produced.length + 1));
    this.#connections.at(-1)?.push(produced.slice(0, whole));
    session.interrupt(produced.subarray(whole));
    assertBalance(session);
    if (what === "lost for good") {
      this.#isOver = true;
      session.discard();
    } else if (what === "lost, another release") {
      const plugins = defaultPlugins(this.second);
      this.#mediator.reconfigure({ chooseTreatment: () => ({ profile: this.second, plugins }) });
      session.renew();
    } else session.restart();
    if (what === "lost, and lost again") session.restart();
    this.#connections.push([]);
  }

  /** Holds the counters against what arrived. */
  end(): void {
    const { counters, heldRecords, recordsInHand } = this.#session;
    assert.deepEqual([heldRecords, recordsInHand], [0, 0], "in the end everything is sent or dropped");
    const arrived = this.#connections.map((writes) => deliver(join(...writes)));
    const records = arrived.flatMap(({ items }) => items.filter(({ kind }) => kind === "record")).length;
    assert.equal(counters.recordsSent, records, "records sent are those that were taken");
    assert.equal(counters.messagesSent, arrived.flatMap(({ messages }) => messages).length);
    assert.equal(counters.octetsSent, join(...this.#connections.flat()).length);
    this.#session.close();
  }
}

Deno.test("records received = sent + dropped + held + in hand, through reconnections, reloads, and hold running out", () => {
  fc.assert(
    fc.property(streams, collectors, collectors, happenings, (stream, first, second, happenings) => {
      const course = new Course(first, second);
      course.run(join(...writeStream(stream)), happenings);
      course.end();
    }),
    { numRuns: 400 },
  );
});
