/** Each limit of a dialect by itself: whatever comes in, nothing that it excludes goes out. */
import assert from "node:assert/strict";
import { mediatorOf } from "../../support/session.ts";
import { rewriteAll } from "../../support/rewrite_all.ts";
import { field, join, message, number, set, templateRecord, text, variable } from "../../support/messages/wire.ts";
import {
  announcement,
  assertMessages,
  conforms,
  COUNT,
  counted,
  data,
  MAPPED,
  open,
  RFC,
  STREAM_READ,
  template,
  withDialect,
  withdrawal,
} from "../conformance.ts";

for (const limit of [1, 2, 3]) {
  Deno.test(`messagesPerWrite ${limit}: no write holds more, whatever came at once`, () => {
    const { session } = open(mediatorOf(withDialect(RFC, { messagesPerWrite: limit })));
    const input = [announcement(), ...Array.from({ length: 20 }, (_, index) => data(index, index))];
    const mixed = message({ sequenceNumber: 20 }, template(257, COUNT), set(257, counted(1)));
    const { writes } = rewriteAll(session, join(...input, mixed, data(21, 1)));
    assertMessages(join(...writes), [...input, mixed, data(21, 1)]);
    assert.deepEqual(
      writes.map(({ length }) => length > 0),
      Array.from({ length: Math.ceil(23 / limit) }, () => true),
    );
    session.restart();
    const replayed = rewriteAll(session, data(22, 2));
    assert.equal(replayed.writes.length, Math.ceil(3 / limit));
    session.close();
  });
}

Deno.test("messagesPerWrite 1: each part of a split message is written separately", () => {
  const { session } = open(mediatorOf(STREAM_READ));
  const mixed = message({}, template(256, COUNT), set(256, counted(1)), template(257, COUNT), set(257, counted(2)));
  const { writes } = rewriteAll(session, join(mixed, data(2, 3)));
  const expected = [
    announcement(),
    data(0, 1),
    message({ sequenceNumber: 1 }, template(257, COUNT)),
    message({ sequenceNumber: 1 }, set(257, counted(2))),
    data(2, 3),
  ];
  assert.deepEqual(writes.map((write) => write.toHex()), expected.map((octets) => octets.toHex()));
  session.close();
});

Deno.test("setsPerMessage 2: five sets go out in three messages, in order", () =>
  conforms({
    to: withDialect(RFC, { setsPerMessage: 2 }),
    input: [
      message(
        { sequenceNumber: 7 },
        template(256, COUNT),
        set(256, counted(1)),
        set(256, join(counted(2), counted(3))),
        template(257, COUNT),
        set(257, counted(4)),
      ),
      message({ sequenceNumber: 11 }, set(256, counted(5)), set(257, counted(6))),
    ],
    output: [
      message({ sequenceNumber: 7 }, template(256, COUNT), set(256, counted(1))),
      message({ sequenceNumber: 8 }, set(256, join(counted(2), counted(3))), template(257, COUNT)),
      message({ sequenceNumber: 10 }, set(257, counted(4))),
      message({ sequenceNumber: 11 }, set(256, counted(5)), set(257, counted(6))),
    ],
  }));

Deno.test("templateRecordsPerSet 2: five records of a set go out in three, options templates and withdrawals as well", () => {
  const records = [256, 257, 258, 259, 260].map((id) => templateRecord({ id, scope: 0, fields: COUNT }));
  const options = [300, 301, 302].map((id) => templateRecord({ id, scope: 1, fields: COUNT }));
  const withdrawals = [256, 257, 258].map((id) => number(id * 0x10000, 4));
  const cut = (setId: number, parts: readonly Uint8Array[], size: number) =>
    Array.from(
      { length: Math.ceil(parts.length / size) },
      (_, index) => set(setId, join(...parts.slice(index * size, index * size + size))),
    );
  conforms({
    to: withDialect(RFC, { templateRecordsPerSet: 2 }),
    input: [message({}, ...cut(2, records, 5), ...cut(3, options, 5)), message({}, ...cut(2, withdrawals, 3))],
    output: [message({}, ...cut(2, records, 2), ...cut(3, options, 2)), message({}, ...cut(2, withdrawals, 2))],
    events: [
      ...[256, 257, 258, 259, 260, 300, 301, 302].map((id) => `template_mapped 1/${id} → ${id} identity`),
      ...[256, 257, 258].map((id) => `template_withdrawn 1/${id}`),
    ],
  });
});

Deno.test("setPadding false: no padding goes out, of data, templates, options templates or withdrawals", () => {
  const padded = (id: number, content: Uint8Array, octets: number) => set(id, join(content, new Uint8Array(octets)));
  const one = templateRecord({ id: 256, scope: 0, fields: COUNT });
  const options = templateRecord({ id: 300, scope: 1, fields: COUNT });
  conforms({
    to: withDialect(RFC, { setPadding: false }),
    input: [
      message({}, padded(2, one, 2)),
      message({}, padded(3, options, 3)),
      message({}, padded(256, counted(1), 8)),
      message({ sequenceNumber: 1 }, padded(300, counted(2), 1), set(256, counted(3)), padded(256, counted(4), 3)),
      message({ sequenceNumber: 4 }, padded(2, number(256 * 0x10000, 4), 1)),
    ],
    output: [
      announcement(),
      message({}, set(3, options)),
      data(0, 1),
      message({ sequenceNumber: 1 }, set(300, counted(2)), set(256, counted(3)), set(256, counted(4))),
      message({ sequenceNumber: 4 }, withdrawal(256)),
    ],
    events: [MAPPED, "template_mapped 1/300 → 300 identity", "template_withdrawn 1/256"],
  });
});

Deno.test("setPadding true: padding stays where nothing else changes", () => {
  const input = [
    message({}, set(2, join(templateRecord({ id: 256, scope: 0, fields: COUNT }), new Uint8Array(3)))),
    message({}, set(256, join(counted(1), new Uint8Array(8)))),
    message({ sequenceNumber: 1 }, set(256, join(counted(1), new Uint8Array(3))), set(256, counted(2))),
  ];
  conforms({ to: RFC, input, output: input });
});

Deno.test("optionsTemplates false: neither they nor their data go out, their records are counted", () =>
  conforms({
    to: withDialect(RFC, { optionsTemplates: false }),
    input: [
      message({}, template(300, COUNT, 1), template(256, COUNT)),
      message({}, set(300, join(counted(1), counted(2))), set(256, counted(3))),
      message({ sequenceNumber: 3 }, withdrawal(300, 3), set(256, counted(4))),
      message({ sequenceNumber: 4 }, set(300, counted(5)), set(256, counted(6))),
    ],
    output: [
      announcement(),
      data(0, 3),
      data(1, 4),
      data(2, 6),
    ],
    dropped: { options_template: 2, unknown_template: 1 },
    templates: { refused: 1, identity: 1 },
    events: [
      "template_refused 1/300 options_template",
      MAPPED,
      "records_dropped 1/300 options_template",
      "template_withdrawn 1/300",
      "records_dropped 1/300 unknown_template",
    ],
  }));

Deno.test("withdrawals false: they apply here, and are kept from the collector", () =>
  conforms({
    to: withDialect(RFC, { withdrawals: false, emptyMessages: false }),
    input: [
      announcement(),
      message({}, withdrawal(256), set(256, counted(1))),
      announcement({ sequenceNumber: 1 }),
      data(1, 2),
      message({ sequenceNumber: 2 }, withdrawal(2)),
      message({ sequenceNumber: 2 }, template(256, [field("0/4", 1)])),
      message({ sequenceNumber: 2 }, set(256, Uint8Array.of(6))),
    ],
    output: [
      announcement(),
      announcement(),
      data(0, 2),
      message({ sequenceNumber: 1 }, template(256, [field("0/4", 1)])),
      message({ sequenceNumber: 1 }, set(256, Uint8Array.of(6))),
    ],
    dropped: { unknown_template: 1 },
    gaps: 1,
    events: [
      MAPPED,
      "template_withdrawn 1/256",
      "records_dropped 1/256 unknown_template",
      MAPPED,
      "sequence_gap 1: 0 → 1",
      "template_withdrawn 1/256",
      MAPPED,
    ],
  }));

Deno.test("emptyMessages false: a message left without sets is not sent, and no sequence number changes", () =>
  conforms({
    to: withDialect(RFC, { emptyMessages: false }),
    input: [message({}), announcement(), message({}), message({}, set(256, new Uint8Array())), data(0, 1)],
    output: [announcement(), data(0, 1)],
  }));

Deno.test("undecodableTypes: their fields are stripped even if known, and their values count as lost", () =>
  conforms({
    to: withDialect(RFC, { undecodableTypes: new Set(["octetArray", "dateTimeMicroseconds"]) }),
    input: [
      message({}, template(256, [field("0/313", 65535), ...COUNT, field("0/154", 8), field("64512/1", 2)])),
      message({}, set(256, join(variable(text("abc")), counted(1), number(5, 8), number(0, 2)))),
    ],
    output: [announcement(), data(0, 1)],
    stripped: { ipHeaderPacketSection: 1, flowStartMicroseconds: 1, "64512/1": 1 },
    lost: { ipHeaderPacketSection: 1, flowStartMicroseconds: 1 },
  }));

Deno.test("fieldLengths registry: known elements get the collector's own lengths, unknown ones stay", () =>
  conforms({
    to: withDialect(RFC, { fieldLengths: "registry" }),
    input: [
      message({}, template(256, [field("0/4", 1), field("0/2", 3), field("64512/1", 2), field("0/82", 4)])),
      message({}, set(256, join(Uint8Array.of(6), number(7, 3), number(9, 2), text("eth0")))),
    ],
    output: [
      message({}, template(256, [...COUNT, field("64512/1", 2), field("0/82", 65535)])),
      message({}, set(256, join(counted(7), number(9, 2), variable(text("eth0"))))),
    ],
  }));
