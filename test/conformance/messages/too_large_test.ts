/** Records, messages and templates that rewriting makes too long: they are split, or dropped and counted. */
import assert from "node:assert/strict";
import { mediatorOf } from "../../support/session.ts";
import { rewriteAll } from "../../support/rewrite_all.ts";
import {
  field,
  join,
  message,
  number,
  readMessages,
  set,
  text,
  variable,
  type WireField,
} from "../../support/messages/wire.ts";
import {
  announcement,
  assertMessages,
  conforms,
  COUNT,
  counted,
  data,
  GO,
  LEGACY,
  NAME,
  open,
  RFC,
  template,
} from "../conformance.ts";

const ROOM = 65_535 - 20;

for (const to of [GO, LEGACY]) {
  Deno.test(`widening pushes a message past 65,535: split between records, numbered on (${to.name})`, () => {
    const numbers = Array.from({ length: 16_378 }, (_, index) => index);
    const wide = (from: number, end: number) =>
      message({ sequenceNumber: from }, set(256, join(...numbers.slice(from, end).map((each) => number(each, 8)))));
    conforms({
      to,
      input: [
        message({}, template(256, [field("0/2", 4)])),
        message({}, set(256, join(...numbers.map((each) => number(each, 4))))),
        message({ sequenceNumber: 16_378 }, set(256, number(7, 4))),
      ],
      output: [
        message({}, template(256, [field("0/2", 8)])),
        wide(0, 8189),
        wide(8189, 16_378),
        message({ sequenceNumber: 16_378 }, set(256, number(7, 8))),
      ],
    });
  });

  Deno.test(`length octets push a message past 65,535: split between records, numbered on (${to.name})`, () => {
    const texts = Array.from({ length: 327 }, (_, index) => text(`${index}`.padEnd(200, ".")));
    const variables = (from: number, end: number) =>
      message({ sequenceNumber: from }, set(256, join(...texts.slice(from, end).map((each) => variable(each)))));
    conforms({
      to,
      input: [message({}, template(256, [field("0/82", 200)])), message({}, set(256, join(...texts)))],
      output: [message({}, template(256, [NAME])), variables(0, 325), variables(325, 327)],
    });
  });
}

const SHORT: readonly WireField[] = [field("0/2", 7), field("0/1", 7), field("0/4", 1), NAME];
const LONG: readonly WireField[] = [field("0/2", 8), field("0/1", 8), field("0/4", 1), NAME];

Deno.test("a record that is too big is dropped and counted; those around it are sent with corrected sequence numbers", () => {
  const record = (octets: number, size: number) =>
    join(number(1, size), number(2, size), Uint8Array.of(6), variable(new Uint8Array(octets).fill(65)));
  // In: 7 + 7 + 1 + 3 octets and the text; out: 2 more, of which the largest message has none left.
  const largest = ROOM - 20;
  conforms({
    to: GO,
    input: [
      message({}, template(256, SHORT)),
      message({}, set(256, record(largest, 7))),
      message({ sequenceNumber: 1 }, set(256, record(largest + 1, 7))),
      message({ sequenceNumber: 2 }, set(256, record(largest + 2, 7))),
      message({ sequenceNumber: 3 }, set(256, join(record(3, 7), record(4, 7)))),
    ],
    output: [
      message({}, template(256, LONG)),
      message({}, set(256, record(largest, 8))),
      message({ sequenceNumber: 1 }, set(256, join(record(3, 8), record(4, 8)))),
    ],
    dropped: { record_too_long: 2 },
    events: ["template_mapped 1/256 → 256 rewritten", "records_dropped 1/256 record_too_long"],
  });
});

Deno.test("one record too big between others of its set: they go out around it", () => {
  const fields: readonly WireField[] = [NAME];
  const texts = [3, 990, 984, 985, 5].map((octets) => variable(new Uint8Array(octets).fill(65)));
  const [one, tooBig, large, tooBigAsWell, other] = texts;
  if (!one || !tooBig || !large || !tooBigAsWell || !other) throw new Error("five texts");
  for (const to of [RFC, GO, LEGACY]) {
    conforms({
      to,
      facts: { maxMessageLength: 1007 },
      input: [
        message({}, template(256, fields)),
        message({}, set(256, join(one, tooBig, large, tooBigAsWell, other))),
        message({ sequenceNumber: 5 }, set(256, join(tooBig, tooBig))),
        message({ sequenceNumber: 7 }, set(256, one)),
      ],
      output: [
        message({}, template(256, fields)),
        message({}, set(256, one)),
        message({ sequenceNumber: 1 }, set(256, large)),
        message({ sequenceNumber: 2 }, set(256, other)),
        ...(to === RFC ? [message({ sequenceNumber: 3 })] : []),
        message({ sequenceNumber: 3 }, set(256, one)),
      ],
      dropped: { record_too_long: 4 },
      events: ["template_mapped 1/256 → 256 identity", "records_dropped 1/256 record_too_long"],
    });
  }
});

for (const to of [RFC, GO]) {
  Deno.test(`a message too big for a datagram is split, whatever it held (${to.name})`, () => {
    const values = Array.from({ length: 150 }, (_, index) => index);
    const part = (from: number, end: number) => data(from, ...values.slice(from, end));
    conforms({
      to,
      facts: { maxMessageLength: 1024 },
      input: [announcement(), data(0, ...values), data(150, 1)],
      output: [announcement(), part(0, 111), part(111, 150), data(150, 1)],
    });
  });
}

Deno.test("several sets too big for a datagram go on in as few as fit", () => {
  const [first, last] = [new Uint8Array(600).fill(1), new Uint8Array(600).fill(2)];
  conforms({
    to: RFC,
    facts: { maxMessageLength: 1024 },
    input: [
      message(
        {},
        template(256, [NAME]),
        set(256, variable(first)),
        template(257, COUNT),
        set(256, variable(last)),
        set(257, counted(1)),
      ),
    ],
    output: [
      message({}, template(256, [NAME]), set(256, variable(first)), template(257, COUNT)),
      message({ sequenceNumber: 1 }, set(256, variable(last)), set(257, counted(1))),
    ],
  });
});

Deno.test("padding that makes a datagram too big is left out of it", () =>
  conforms({
    to: RFC,
    facts: { maxMessageLength: 1024 },
    input: [
      message({}, template(256, [field("0/82", 1000)])),
      message({}, set(256, join(new Uint8Array(1000).fill(65), new Uint8Array(300)))),
    ],
    output: [message({}, template(256, [field("0/82", 1000)])), message({}, set(256, new Uint8Array(1000).fill(65)))],
  }));

for (const to of [RFC, GO, LEGACY]) {
  Deno.test(`a template too big for a datagram is refused with a warning, its data dropped and counted (${to.name})`, () => {
    const fields = Array.from({ length: 251 }, () => field("0/4", 1));
    conforms({
      to,
      facts: { maxMessageLength: 1024 },
      input: [
        message({}, template(256, fields), template(257, fields.slice(1)), template(258, COUNT)),
        message({}, set(256, new Uint8Array(502)), set(258, counted(1))),
        message({ sequenceNumber: 3 }, set(257, new Uint8Array(250).fill(6))),
      ],
      output: [
        message({}, template(257, fields.slice(1))),
        message({}, template(258, COUNT)),
        message({}, set(258, counted(1))),
        message({ sequenceNumber: 1 }, set(257, new Uint8Array(250).fill(6))),
      ],
      dropped: { template_too_long: 2 },
      templates: { identity: 2, refused: 1 },
      events: [
        "template_refused 1/256 template_too_long",
        "template_mapped 1/257 → 257 identity",
        "template_mapped 1/258 → 258 identity",
        "records_dropped 1/256 template_too_long",
      ],
    });
  });
}

Deno.test("a template that padding makes too big for a datagram is refused, though it came in one", () => {
  const list = GO.templates[0]?.fields ?? [];
  const longest = 16 + 4 + 4 + list.reduce((sum, { element }) => sum + (element.enterpriseBit ? 8 : 4), 0);
  const input = [message({}, template(256, [field("0/8", 4)])), message({}, set(256, new Uint8Array(8)))];
  conforms({
    to: GO,
    facts: { maxMessageLength: longest - 1 },
    input,
    output: [],
    dropped: { template_too_long: 2 },
    events: ["template_refused 1/256 template_too_long", "records_dropped 1/256 template_too_long"],
  });
  const { session } = open(mediatorOf(GO), { maxMessageLength: longest });
  assert.equal(readMessages(rewriteAll(session, input[0] ?? new Uint8Array()).output).length, 1);
  session.close();
});

Deno.test("messages of 65,535 octets go on as they are, alone and between others", () => {
  const longest = message({ sequenceNumber: 1 }, set(256, variable(new Uint8Array(65_512).fill(65))));
  assert.equal(longest.length, 65_535);
  for (const to of [RFC, GO, LEGACY]) {
    const small = (sequenceNumber: number) => message({ sequenceNumber }, set(256, variable(text("eth0"))));
    const input = [message({}, template(256, [NAME])), small(0), longest, longest, small(2)];
    const { session } = open(mediatorOf(to));
    assertMessages(rewriteAll(session, join(...input)).output, input);
    assert.equal(session.counters.sequenceGaps, 1, "one of them came twice");
    session.close();
  }
});
