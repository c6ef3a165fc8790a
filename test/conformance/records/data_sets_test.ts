/** Data sets: without a template, broken, with strange values, and as many records as a message holds. */
import assert from "node:assert/strict";
import { mediatorOf } from "../../support/session.ts";
import { rewriteAll } from "../../support/rewrite_all.ts";
import {
  field,
  join,
  message,
  number,
  readMessages,
  readRecords,
  set,
  text,
  variable,
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
  MAPPED,
  NAME,
  open,
  PATIENCE,
  RFC,
  STREAM_READ,
  template,
} from "../conformance.ts";
import { processorTime } from "../../support/time/processor_time.ts";

for (const to of [RFC, GO]) {
  Deno.test(`data before its template over TCP: its set is skipped and counted, the rest goes on and is renumbered (${to.name})`, () =>
    conforms({
      to,
      input: [
        announcement(),
        message({}, set(300, counted(1)), set(256, counted(2)), set(300, counted(3))),
        message({ sequenceNumber: 3 }, template(300, COUNT)),
        message({ sequenceNumber: 3 }, set(300, counted(4))),
      ],
      output: [
        announcement(),
        data(0, 2),
        message({ sequenceNumber: 1 }, template(300, COUNT)),
        message({ sequenceNumber: 1 }, set(300, counted(4))),
      ],
      dropped: { unknown_template: 2 },
      gaps: 1,
      events: [
        MAPPED,
        "records_dropped 1/300 unknown_template",
        "template_mapped 1/300 → 300 identity",
        "sequence_gap 1: 1 → 3",
      ],
    }));
}

Deno.test("the template of another observation domain is none for this data", () =>
  conforms({
    to: GO,
    input: [announcement(), message({ observationDomain: 2 }, set(256, counted(1))), data(0, 2)],
    output: [announcement(), data(0, 2)],
    dropped: { unknown_template: 1 },
    events: [MAPPED, "records_dropped 2/256 unknown_template"],
  }));

Deno.test("a flood of data without templates is counted, and reported at most 256 times", () => {
  const { session, events } = open(mediatorOf(GO));
  const sets = Array.from({ length: 10_000 }, (_, index) => set(256 + index, new Uint8Array(1)));
  for (let observationDomain = 0; observationDomain < 20; observationDomain++) {
    assert.equal(rewriteAll(session, message({ observationDomain }, ...sets)).output.length, 0);
  }
  assert.equal(session.counters.recordsDropped.get("unknown_template"), 200_000);
  assert.equal(events.length, 256);
  assert.equal(session.templates().length, 0);
  session.close();
});

Deno.test("a flood of withdrawals of unknown templates is ignored, and reported at most 256 times", () => {
  for (const reliable of [true, false]) {
    const { session, events } = open(mediatorOf(RFC), { reliable });
    const withdrawals = join(...Array.from({ length: 10_000 }, (_, index) => number((256 + index) * 0x10000, 4)));
    assertMessages(rewriteAll(session, message({}, set(2, withdrawals))).output, [message({})]);
    assert.equal(events.length, 256);
    session.close();
  }
});

for (const to of [RFC, GO, LEGACY]) {
  const texts = message({}, template(256, [field("0/4", 1), NAME]));
  const good = message({}, set(256, join(Uint8Array.of(6), variable(text("eth0")))));
  for (
    const [what, octets] of [
      ["by one octet", [6, 3, 65, 66]],
      ["by 253 octets", [6, 254, 65]],
      ["in the long form by one octet", [6, 255, 0, 3, 65, 66]],
      ["in the long form by 65,535 octets", [6, 255, 255, 255]],
    ] as const
  ) {
    Deno.test(`a variable length that overruns ${what} is refused, with the good records before it (${to.name})`, () =>
      conforms({
        to,
        input: [
          texts,
          good,
          message(
            { sequenceNumber: 1 },
            set(256, join(Uint8Array.of(6, 1, 67))),
            set(256, join(Uint8Array.of(6, 0, 6, 1, 65), Uint8Array.from(octets))),
          ),
        ],
        output: [texts, good],
        refused: { reason: "field_overrun", offset: 16 + 7 + 4 + 5 },
        events: [MAPPED],
      }));
  }

  for (const octets of [[255], [255, 1]]) {
    Deno.test(`a 255 marker with ${octets.length - 1} octets behind it is refused (${to.name})`, () =>
      conforms({
        to,
        input: [texts, good, message({ sequenceNumber: 1 }, set(256, Uint8Array.of(6, 0, 6, ...octets)))],
        output: [texts, good],
        refused: { reason: "field_overrun", offset: 20 + 2 },
        events: [MAPPED],
      }));
  }
}

for (let rest = 1; rest < 9; rest++) {
  Deno.test(`a partial last record of ${rest} octets, less than the smallest record of 9, is padding`, () => {
    for (const value of [0, 0xff]) {
      const padding = new Uint8Array(rest).fill(value);
      const padded = [announcement(), message({}, set(256, join(counted(1), counted(2), padding)))];
      conforms({ to: RFC, input: padded, output: padded });
      conforms({ to: GO, input: padded, output: [announcement(), data(0, 1, 2)] });
      const texts = message({}, template(256, [NAME, field("0/2", 8)]));
      const record = join(variable(text("eth0")), number(7, 8));
      conforms({
        to: RFC,
        input: [texts, message({}, set(256, join(record, padding)))],
        output: [
          texts,
          message({}, set(256, join(record, padding))),
        ],
      });
      conforms({
        to: GO,
        input: [texts, message({}, set(256, join(record, padding)))],
        output: [
          texts,
          message({}, set(256, record)),
        ],
      });
    }
  });
}

Deno.test("a partial last record as long as the smallest one is refused, also in a set whose records are dropped", () => {
  const partial = join(variable(text("eth0")), number(7, 8), Uint8Array.of(3, 65, 66, 67), new Uint8Array(7));
  for (const to of [RFC, GO]) {
    const texts = message({}, template(256, [NAME, field("0/2", 8)]));
    conforms({
      to,
      input: [texts, message({}, set(256, partial))],
      output: [texts],
      refused: { reason: "field_overrun", offset: 20 + 13 },
      events: [MAPPED],
    });
  }
  conforms({
    to: GO,
    input: [message({}, template(256, [field("64512/1", 65535), field("64512/2", 8)])), message({}, set(256, partial))],
    output: [],
    refused: { reason: "field_overrun", offset: 20 + 13 + 4 },
    events: ["template_refused 1/256 everything_stripped"],
  });
});

for (const to of [RFC, GO, LEGACY, STREAM_READ]) {
  Deno.test(`sequence numbers that jump, go back and come twice are counted, and the messages forwarded as they are (${to.name})`, () => {
    const input = [announcement(), data(0, 1), data(5, 2), data(6, 3), data(2, 4), data(2, 4), data(3, 5)];
    conforms({ to, input, output: input, gaps: 3 });
  });

  Deno.test(`sequence numbers that wrap are no gap (${to.name})`, () => {
    const input = [announcement({ sequenceNumber: 2 ** 32 - 2 }), data(2 ** 32 - 2, 1, 2, 3), data(1, 4), data(2, 5)];
    conforms({ to, input, output: input });
    const inclusive = [announcement({ sequenceNumber: 2 ** 32 - 2 }), data(1, 1, 2, 3), data(2, 4), data(3, 5)];
    conforms({ to, input: inclusive, output: inclusive });
  });
}

const BROKEN_TEXT = Uint8Array.of(0xff, 0xfe, 0xc0, 0x80, 0xed, 0xa0, 0x80, 0xf5, 0);

for (const to of [RFC, GO]) {
  Deno.test(`invalid UTF-8 goes on octet for octet (${to.name})`, () => {
    const input = [message({}, template(256, [NAME])), message({}, set(256, variable(BROKEN_TEXT)))];
    conforms({ to, input, output: input });
  });
}

Deno.test("invalid UTF-8 in a fixed-length string goes out variable with all its octets", () =>
  conforms({
    to: GO,
    input: [
      message({}, template(256, [field("0/82", 9)])),
      message({}, set(256, join(BROKEN_TEXT, new Uint8Array(9)))),
    ],
    output: [
      message({}, template(256, [NAME])),
      message({}, set(256, join(variable(BROKEN_TEXT), variable(new Uint8Array(9))))),
    ],
  }));

const MANY = 65_535 - 20;

Deno.test("65,515 one-octet records: passed on as they are", () => {
  for (const to of [RFC, GO, LEGACY, STREAM_READ]) {
    const input = [
      message({}, template(256, [field("0/4", 1)])),
      message({}, set(256, new Uint8Array(MANY).fill(17))),
      message({ sequenceNumber: MANY }, set(256, Uint8Array.of(6))),
    ];
    conforms({ to, input, output: input });
  }
});

for (const outputSize of [65_535, 262_144]) {
  Deno.test(`65,515 one-octet records that grow eightfold: split, all there, in bounded time (output of ${outputSize})`, () => {
    const { session } = open(mediatorOf(GO));
    const octets = Uint8Array.from({ length: MANY }, (_, index) => index);
    const begin = processorTime();
    const { output, writes } = rewriteAll(
      session,
      join(message({}, template(256, [field("0/2", 1)])), message({}, set(256, octets))),
      { outputSize },
    );
    assert.ok(processorTime() - begin < PATIENCE, `${processorTime() - begin} ms`);
    const messages = readMessages(output);
    const sent = messages.flatMap(({ sets }) => sets).filter(({ id }) => id === 256)
      .flatMap(({ content }) => readRecords([field("0/2", 8)], content).records);
    assert.deepEqual(sent.map(([value]) => value?.at(-1)), [...octets]);
    assert.equal(messages.length, 1 + Math.ceil(MANY / Math.floor(MANY / 8)));
    assert.deepEqual(
      messages.map(({ sequenceNumber }) => sequenceNumber),
      [0, ...messages.slice(1).map((_, index) => index * Math.floor(MANY / 8))],
    );
    assert.ok(writes.every(({ length }) => length <= outputSize));
    session.close();
  });
}

Deno.test("65,515 one-octet records that each become one of the collector's whole list: bounded time, every write bounded", () => {
  const { session } = open(mediatorOf(GO));
  const begin = processorTime();
  const input = join(
    message({}, template(256, [field("0/4", 1), field("0/8", 0)])),
    message({}, set(256, new Uint8Array(MANY).fill(17))),
  );
  let records = 0;
  const buffer = new Uint8Array(65_535);
  for (let consumed = 0;;) {
    session.rewrite(input.subarray(consumed), buffer);
    consumed += session.consumed;
    records += session.producedRecords;
    if (session.consumed === 0 && session.produced === 0) break;
  }
  assert.equal(records, MANY);
  assert.equal(session.counters.recordsSent, MANY);
  assert.ok(processorTime() - begin < PATIENCE, `${processorTime() - begin} ms`);
  session.close();
});

Deno.test("65,515 records of 16,000 empty fields each: no call takes long, no write exceeds its buffer", () => {
  const { session } = open(mediatorOf(GO));
  const fields = [field("0/4", 1), ...Array.from({ length: 16_000 }, () => field("0/82", 0))];
  const input = join(message({}, template(256, fields)), message({}, set(256, new Uint8Array(MANY).fill(17))));
  const buffer = new Uint8Array(262_144);
  for (let call = 0, consumed = 0; call < 40; call++) {
    const begin = processorTime();
    const octets = session.rewrite(input.subarray(consumed), buffer);
    assert.ok(processorTime() - begin < PATIENCE, `${processorTime() - begin} ms in one call`);
    consumed += session.consumed;
    assert.ok(session.produced > 0);
    assert.ok(readMessages(octets.slice()).length > 0);
  }
  session.close();
});
