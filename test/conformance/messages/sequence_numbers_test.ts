/** Sequence numbers (RFC 7011 §3.1): the exporter's own, counted as it counts, until something is split or dropped. */
import assert from "node:assert/strict";
import { deliver } from "../../support/delivered.ts";
import { DialectChecker } from "../../support/dialect_checker.ts";
import { loadProfile } from "../../../src/config/profiles/profiles.ts";
import { mediatorOf, openSession } from "../../support/session.ts";
import { rewriteAll } from "../../support/rewrite_all.ts";
import { field, join, message, number, readMessages, set } from "../../support/messages/wire.ts";
import {
  announcement,
  assertMessages,
  conforms,
  COUNT,
  counted,
  data,
  GO,
  LEGACY,
  open,
  RFC,
  STRANGE,
  STREAM_READ,
  template,
} from "../conformance.ts";

const NOTHING = template(257, [STRANGE]);
const lost = number(1, 4);

for (const to of [GO, LEGACY, STREAM_READ]) {
  Deno.test(`an exporter whose numbers count the records before: what is really sent is numbered in the same way (${to.name})`, () =>
    conforms({
      to,
      input: [
        message({}, template(256, COUNT), NOTHING),
        data(0, 1, 2),
        message({ sequenceNumber: 2 }, set(257, lost)),
        message({ sequenceNumber: 3 }, set(256, counted(3)), set(257, lost)),
        data(5, 4),
        data(6, 5, 6),
        announcement({ sequenceNumber: 8 }),
        data(8, 7),
      ],
      output: [
        announcement(),
        data(0, 1, 2),
        data(2, 3),
        data(3, 4),
        data(4, 5, 6),
        announcement({ sequenceNumber: 6 }),
        data(6, 7),
      ],
      dropped: { everything_stripped: 2 },
      events: [
        "template_mapped 1/256 → 256 identity",
        "template_refused 1/257 everything_stripped",
        "records_dropped 1/257 everything_stripped",
      ],
    }));

  Deno.test(`an exporter whose numbers include a message's own records: what is really sent is numbered in the same way (${to.name})`, () =>
    conforms({
      to,
      input: [
        message({}, template(256, COUNT), NOTHING),
        data(2, 1, 2),
        message({ sequenceNumber: 3 }, set(257, lost)),
        message({ sequenceNumber: 5 }, set(256, counted(3)), set(257, lost)),
        data(6, 4),
        data(8, 5, 6),
        announcement({ sequenceNumber: 8 }),
        data(9, 7),
      ],
      output: [
        announcement(),
        data(2, 1, 2),
        data(3, 3),
        data(4, 4),
        data(6, 5, 6),
        announcement({ sequenceNumber: 6 }),
        data(7, 7),
      ],
      dropped: { everything_stripped: 2 },
      events: [
        "template_mapped 1/256 → 256 identity",
        "template_refused 1/257 everything_stripped",
        "records_dropped 1/257 everything_stripped",
      ],
    }));

  Deno.test(`an exporter that counts a message's own records, in a message that is split (${to.name})`, () =>
    conforms({
      to,
      input: [
        message(
          { sequenceNumber: 3 },
          template(256, COUNT),
          set(256, counted(1)),
          set(256, join(counted(2), counted(3))),
        ),
        data(4, 4),
        data(6, 5, 6),
      ],
      output: [announcement(), data(1, 1), data(3, 2, 3), data(4, 4), data(6, 5, 6)],
    }));

  Deno.test(`numbers that include a message's own records, across 2^32, split and dropped (${to.name})`, () =>
    conforms({
      to,
      input: [
        message({ sequenceNumber: 2 ** 32 - 3 }, template(256, COUNT), NOTHING),
        data(2 ** 32 - 1, 1, 2),
        message({ sequenceNumber: 2 }, set(256, counted(3)), set(257, lost), set(256, counted(4))),
        data(4, 5, 6),
      ],
      output: [
        announcement({ sequenceNumber: 2 ** 32 - 3 }),
        data(2 ** 32 - 1, 1, 2),
        data(0, 3),
        data(1, 4),
        data(3, 5, 6),
      ],
      dropped: { everything_stripped: 1 },
      events: [
        "template_mapped 1/256 → 256 identity",
        "template_refused 1/257 everything_stripped",
        "records_dropped 1/257 everything_stripped",
      ],
    }));
}

Deno.test("renumbering one observation domain leaves the numbers of another alone", () => {
  const of = (sequenceNumber: number, observationDomain = 2) =>
    message({ sequenceNumber, observationDomain }, set(256, counted(1)));
  conforms({
    to: GO,
    input: [
      message({}, template(256, COUNT), NOTHING),
      announcement({ observationDomain: 2, sequenceNumber: 50 }),
      message({}, set(257, lost)),
      of(1, 1),
      of(50),
      of(60),
      of(2, 1),
    ],
    output: [
      announcement(),
      announcement({ observationDomain: 2, sequenceNumber: 50 }),
      of(0, 1),
      of(50),
      of(60),
      of(1, 1),
    ],
    dropped: { everything_stripped: 1 },
    gaps: 1,
    events: [
      "template_mapped 1/256 → 256 identity",
      "template_refused 1/257 everything_stripped",
      "template_mapped 2/256 → 256 identity",
      "records_dropped 1/257 everything_stripped",
    ],
  });
});

for (const to of [RFC, GO, LEGACY]) {
  for (const own of [0, 1]) {
    const manner = own === 0 ? "the records before" : "a message's own records too";
    const numbered = (sequenceNumber: number, ...values: number[]) =>
      data(sequenceNumber + own * values.length, ...values);

    Deno.test(`a new connection to the collector counts from 0, templates first; the exporter counts ${manner} (${to.name})`, () => {
      const { session, events } = open(mediatorOf(to));
      const other = message({ sequenceNumber: 3, exportTime: 5 }, template(300, [field("0/4", 1)]));
      rewriteAll(session, join(announcement(), numbered(0, 1), numbered(1, 2, 3), other));
      session.restart();
      const next = message({ sequenceNumber: 3 + own, exportTime: 9 }, set(300, Uint8Array.of(6)));
      assertMessages(rewriteAll(session, join(next, numbered(4, 7))).output, [
        announcement({ exportTime: 9 }),
        message({ exportTime: 9 }, template(300, [field("0/4", 1)])),
        message({ sequenceNumber: own, exportTime: 9 }, set(300, Uint8Array.of(6))),
        numbered(1, 7),
      ]);
      assert.equal(session.counters.sequenceGaps, 0);
      assert.equal(events.length, 2);
      session.close();
    });

    Deno.test(`templates that go out again have the number that stands; the exporter counts ${manner} (${to.name})`, () => {
      const { session } = open(mediatorOf(to), { reliable: false });
      rewriteAll(session, join(announcement({ exportTime: 1 }), numbered(0, 1), numbered(1, 2, 3)));
      session.announce();
      assertMessages(rewriteAll(session, numbered(3, 4)).output, [
        announcement({ sequenceNumber: 3 }),
        numbered(3, 4),
      ]);
      session.announce();
      assertMessages(rewriteAll(session, new Uint8Array()).output, [announcement({ sequenceNumber: 4 })]);
      assertMessages(rewriteAll(session, numbered(4, 5)).output, [numbered(4, 5)]);
      assert.equal(session.counters.sequenceGaps, 0);
      session.close();
    });
  }
}

for (const to of [RFC, GO, LEGACY, STREAM_READ]) {
  Deno.test(`a connection lost behind any message: the templates as they stood, then all that it did not take (${to.name})`, () => {
    const input = join(
      message({}, template(256, COUNT), template(257, COUNT)),
      data(0, 1, 2),
      message({ observationDomain: 2 }, template(256, [field("0/4", 1)])),
      message({ observationDomain: 2 }, set(256, Uint8Array.of(6, 17))),
      message(
        { sequenceNumber: 2 },
        template(256, [field("0/82", 65535)]),
        set(256, Uint8Array.of(1, 65)),
        set(257, counted(4)),
      ),
      message({ sequenceNumber: 4 }, set(2, number(257 * 0x10000, 4)), set(256, Uint8Array.of(1, 66))),
      message({ sequenceNumber: 5 }, template(257, [field("0/2", 8)]), set(257, number(3, 8))),
    );
    const after = message({ sequenceNumber: 6 }, set(256, Uint8Array.of(1, 67)), set(257, number(4, 8)));
    const { session: whole } = open(mediatorOf(to));
    const all = rewriteAll(whole, join(input, after)).output;
    const expected = deliver(all).items.filter(({ kind }) => kind === "record");
    whole.close();

    const { session: before } = open(mediatorOf(to));
    const { length } = readMessages(rewriteAll(before, input).output);
    before.close();
    for (let taken = 0; taken < length; taken++) {
      const { session } = open(mediatorOf(to));
      const output: Uint8Array[] = [];
      const lostConnection = new DialectChecker(to);
      let messages = 0;
      let rest = input;
      const buffer = new Uint8Array(262_144);
      // The connection is lost in the call that produces the message after so many.
      for (let lost = false; !lost;) {
        const octets = session.rewrite(rest, buffer);
        rest = rest.subarray(session.consumed);
        if (octets.length === 0 && session.consumed === 0) break;
        const produced = readMessages(octets.slice());
        lost = messages + produced.length > taken;
        const keep = lost ? taken - messages : produced.length;
        let end = 0;
        for (let index = 0; index < keep; index++) end += ((octets[end + 2] ?? 0) << 8) + (octets[end + 3] ?? 0);
        output.push(octets.slice(0, end));
        lostConnection.write("first", octets.slice(0, end));
        messages += keep;
        if (lost) session.restart(octets.subarray(end));
      }
      const first = deliver(join(...output));
      const again = rewriteAll(session, join(rest, after));
      const second = deliver(again.output);
      const records = [...first.items, ...second.items].filter(({ kind }) => kind === "record");
      assert.deepEqual(records, expected, `lost behind ${taken} of ${length} messages`);
      new DialectChecker(to).writes("second", again.writes);
      const sent = new Map<number, number>();
      for (const { observationDomain, sequenceNumber, records } of second.messages) {
        if (messages < taken) break;
        assert.equal(sequenceNumber, sent.get(observationDomain) ?? 0, `lost behind ${taken} of ${length} messages`);
        sent.set(observationDomain, sequenceNumber + records);
      }
      session.close();
    }
  });
}

Deno.test("a set of an unknown template does not show the exporter's way of counting: its records cannot be counted", () =>
  conforms({
    to: RFC,
    // The exporter counts what it sent before; three records of 257, which never was announced, come with number 1.
    input: [
      announcement(),
      data(0, 1),
      message({ sequenceNumber: 1 }, set(257, new Uint8Array(12))),
      data(4, 5, 6, 7),
      data(7, 8),
    ],
    output: [announcement(), data(0, 1), message({ sequenceNumber: 1 }), data(1, 5, 6, 7), data(4, 8)],
    dropped: { unknown_template: 1 },
    events: ["template_mapped 1/256 → 256 identity", "records_dropped 1/257 unknown_template"],
  }));

Deno.test("an observation domain that the new connection is the first to see counts from 0, too", () => {
  for (const to of [RFC, GO, LEGACY]) {
    const { session } = open(mediatorOf(to));
    rewriteAll(session, join(announcement(), data(0, 1)));
    session.restart();
    const late = { observationDomain: 7, sequenceNumber: 40 };
    assertMessages(rewriteAll(session, join(announcement(late), message(late, set(256, counted(1))))).output, [
      announcement(),
      announcement({ ...late, sequenceNumber: 0 }),
      message({ ...late, sequenceNumber: 0 }, set(256, counted(1))),
    ]);
    session.close();
  }
});

Deno.test("an exporter that counts a message's own records and starts at any number is corrected once that is known", () => {
  const { session } = openSession(loadProfile("antrea/v1.15"));
  const stream = [
    "000a00216553f100000003e9000000010002000c01000001000400010100000506",
    "000a001a6553f100000003eb0000000101000005110100000501",
    "000a00156553f100000003ec00000001010000053a",
  ];
  const { output } = rewriteAll(session, Uint8Array.fromHex(stream.join("")));
  session.close();
  assert.deepEqual(readMessages(output).map(({ sequenceNumber }) => sequenceNumber), [1001, 1001, 1002, 1003, 1004]);
});
