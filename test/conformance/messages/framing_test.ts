/** Framing (RFC 7011 §3.1, §3.3): a broken message is refused whole, an odd set costs only itself. */
import assert from "node:assert/strict";
import { datagramFault, nextMessageLength } from "../../../src/ipfix/message/framing.ts";
import { mediatorOf } from "../../support/session.ts";
import { rewriteAll } from "../../support/rewrite_all.ts";
import { field, join, message, number, set } from "../../support/messages/wire.ts";
import {
  announcement,
  assertMessages,
  conforms,
  COUNT,
  counted,
  data,
  GO,
  MAPPED,
  open,
  RFC,
  template,
} from "../conformance.ts";

const GOOD = [announcement(), data(0, 1)];

for (const to of [RFC, GO]) {
  Deno.test(`less than 16 octets, then the end: nothing goes out, nothing is consumed (${to.name})`, () => {
    for (let length = 1; length < 16; length++) {
      const { session, events } = open(mediatorOf(to));
      const { output, consumed, error } = rewriteAll(session, join(...GOOD, data(1, 2).subarray(0, length)));
      assertMessages(output, GOOD);
      assert.deepEqual([consumed, error, events.length], [join(...GOOD).length, undefined, 1]);
      session.close();
    }
  });

  for (let length = 0; length < 16; length++) {
    Deno.test(`message length ${length} is refused at once, without spin (${to.name})`, () =>
      conforms({
        to,
        input: [...GOOD, message({ length, sequenceNumber: 1 }, set(256, counted(2)))],
        output: GOOD,
        refused: { reason: "message_length", offset: 2 },
        events: [MAPPED],
      }));
  }

  for (let length = 0; length < 4; length++) {
    Deno.test(`set length ${length} is refused, also behind good sets (${to.name})`, () =>
      conforms({
        to,
        input: [
          ...GOOD,
          message({ sequenceNumber: 1 }, template(300, COUNT), set(256, counted(2)), set(256, counted(3), length)),
        ],
        output: GOOD,
        refused: { reason: "set_length", offset: 16 + 16 + 13 + 2 },
        events: [MAPPED],
      }));
  }

  for (const more of [1, 5, 65535 - 13]) {
    Deno.test(`a set that overruns its message by ${more} octets is refused (${to.name})`, () =>
      conforms({
        to,
        input: [...GOOD, message({ sequenceNumber: 1 }, set(256, counted(2)), set(256, counted(3), 13 + more))],
        output: GOOD,
        refused: { reason: "set_overrun", offset: 16 + 13 },
        events: [MAPPED],
      }));
  }

  for (const trailing of [1, 2, 3]) {
    Deno.test(`${trailing} trailing octets are refused (${to.name})`, () =>
      conforms({
        to,
        input: [...GOOD, message({ sequenceNumber: 1 }, set(256, counted(2)), new Uint8Array(trailing))],
        output: GOOD,
        refused: { reason: "trailing_octets", offset: 16 + 13 },
        events: [MAPPED],
      }));
  }

  for (const version of [0, 1, 5, 7, 8, 9, 11, 256 * 10, 0x1603, 0x4745, 65535]) {
    Deno.test(`version ${version} is refused by its first two octets (${to.name})`, () => {
      conforms({
        to,
        input: [...GOOD, message({ version, sequenceNumber: 1 }, set(256, counted(2)))],
        output: GOOD,
        refused: { reason: "message_version", offset: 0 },
        events: [MAPPED],
      });
      const { session } = open(mediatorOf(to));
      const { error } = rewriteAll(session, number(version, 2));
      assert.equal(error?.reason, "message_version", "more is not waited for");
    });
  }

  for (const id of [0, 1, 4, 5, 128, 254, 255]) {
    Deno.test(`set id ${id} is skipped and counted, the sets around it go out (${to.name})`, () =>
      conforms({
        to,
        input: [
          announcement(),
          message({}, set(256, counted(1)), set(id, counted(2)), set(id, counted(3))),
          message({ sequenceNumber: 1 }, set(id, Uint8Array.of(9)), set(256, counted(4))),
        ],
        output: GOOD.concat(data(1, 4)),
        dropped: { reserved_set: 3 },
        events: [MAPPED, `records_dropped 1/${id} reserved_set`],
      }));
  }

  Deno.test(`a set of 4 octets is skipped and no loss, the sets around it go out (${to.name})`, () =>
    conforms({
      to,
      input: [
        announcement(),
        message({}, set(256, new Uint8Array())),
        message(
          {},
          set(256, new Uint8Array()),
          set(256, counted(1)),
          set(2, new Uint8Array()),
          set(3, new Uint8Array()),
        ),
        message({ sequenceNumber: 1 }, set(4, new Uint8Array()), set(256, counted(2))),
        message({ sequenceNumber: 2 }, set(300, new Uint8Array()), set(256, counted(3))),
      ],
      output: [
        announcement(),
        ...(to === RFC ? [message({})] : []),
        data(0, 1),
        data(1, 2),
        data(2, 3),
      ],
      dropped: { reserved_set: 1 },
      events: [MAPPED, "records_dropped 1/4 reserved_set"],
    }));
}

Deno.test("a message of length 16 is valid and is relayed to a collector that takes empty messages", () =>
  conforms({
    to: RFC,
    input: [announcement(), message({ sequenceNumber: 0 }), data(0, 1)],
    output: [
      announcement(),
      message({}),
      data(0, 1),
    ],
  }));

Deno.test("length 16 is a valid message without sets: it does not go on to go-ipfix, and is no error", () =>
  conforms({ to: GO, input: [message({}), announcement(), message({}), data(0, 1)], output: GOOD }));

Deno.test("a message without sets in a domain of which nothing is known goes on with its own number", () =>
  conforms({
    to: RFC,
    input: [message({ observationDomain: 9, sequenceNumber: 77 })],
    output: [
      message({ observationDomain: 9, sequenceNumber: 77 }),
    ],
  }));

Deno.test("everything before a broken message is consumed first, even if none of it is sent", () => {
  const dropped = message({}, set(300, counted(1)));
  const broken = message({ length: 15 });
  const { session } = open(mediatorOf(GO));
  const { output, consumed, error } = rewriteAll(session, join(dropped, dropped, broken));
  assert.equal(output.length, 0);
  assert.equal(consumed, 2 * dropped.length);
  assert.deepEqual([error?.reason, error?.offset], ["message_length", 2]);
});

Deno.test("a datagram longer than its message is refused", () => {
  for (const more of [1, 4, 16, 1000]) {
    const datagram = join(data(0, 1), new Uint8Array(more));
    assert.equal(datagramFault(datagram), "message_length");
  }
});

Deno.test("a datagram shorter than its message is refused, whatever is missing", () => {
  for (let length = 0; length < 29; length++) {
    assert.equal(datagramFault(data(0, 1).subarray(0, length)), "message_truncated", `${length} octets`);
  }
  assert.equal(datagramFault(data(0, 1)), undefined);
});

Deno.test("a stream cut at every octet gives the same messages", () => {
  const input = [
    announcement(),
    data(0, 1, 2),
    message({ sequenceNumber: 2, observationDomain: 2 }, template(300, [field("0/82", 65535)])),
    message({ sequenceNumber: 2, observationDomain: 2 }, set(300, Uint8Array.of(2, 65, 66, 0, 1, 67))),
    data(2, 3),
  ];
  for (const to of [RFC, GO]) {
    for (let cut = 1; cut < join(...input).length; cut++) {
      const { session } = open(mediatorOf(to));
      assertMessages(rewriteAll(session, join(...input), { arrivals: [cut] }).output, input);
      session.close();
    }
    const { session } = open(mediatorOf(to));
    const everyOctet = Array.from({ length: join(...input).length }, (_, index) => index + 1);
    assertMessages(rewriteAll(session, join(...input), { arrivals: everyOctet }).output, input);
  }
});

Deno.test("framing knows a message's length by 4 octets and its fault by 2", () => {
  const octets = data(0, 1);
  for (let length = 0; length < octets.length; length++) {
    assert.equal(nextMessageLength(octets, 0, length), "incomplete", `${length} octets`);
  }
  assert.equal(nextMessageLength(octets), 29);
  assert.equal(nextMessageLength(join(octets, octets), 29), 29);
  assert.throws(() => nextMessageLength(Uint8Array.of(0, 9)), { reason: "message_version", offset: 0 });
  assert.throws(() => nextMessageLength(Uint8Array.of(0, 10, 0, 15)), { reason: "message_length", offset: 2 });
});
