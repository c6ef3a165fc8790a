/** Template records: odd ones, broken ones, and those whose fields have impossible lengths. */
import { field, join, message, number, set, templateRecord, text } from "../../support/messages/wire.ts";
import {
  announcement,
  conforms,
  COUNT,
  counted,
  data,
  GO,
  LEGACY,
  MAPPED,
  RFC,
  template,
  withdrawal,
} from "../conformance.ts";

Deno.test("zero fields are a withdrawal on TCP", () =>
  conforms({
    to: RFC,
    input: [announcement(), data(0, 1), message({ sequenceNumber: 1 }, withdrawal(256)), data(1, 2)],
    output: [
      announcement(),
      data(0, 1),
      message({ sequenceNumber: 1 }, withdrawal(256)),
      message({ sequenceNumber: 1 }),
    ],
    dropped: { unknown_template: 1 },
    events: [MAPPED, "template_withdrawn 1/256", "records_dropped 1/256 unknown_template"],
  }));

Deno.test("a template without fields is ignored and reported over UDP", () =>
  conforms({
    to: RFC,
    facts: { reliable: false },
    input: [announcement(), message({}, withdrawal(256)), data(0, 1), message({ sequenceNumber: 1 }, withdrawal(2))],
    output: [announcement(), message({}), data(0, 1), message({ sequenceNumber: 1 })],
    events: [
      MAPPED,
      "warning 1/256: a withdrawal over UDP is ignored",
      "warning 1/2: a withdrawal over UDP is ignored",
    ],
  }));

for (const to of [RFC, GO, LEGACY]) {
  Deno.test(`all fields of zero length: template and data are skipped and counted, no endless loop (${to.name})`, () => {
    const none = template(300, [field("0/82", 0), field("0/2", 0)]);
    conforms({
      to,
      input: [
        announcement(),
        message({}, none),
        message({}, set(300, new Uint8Array(40)), set(256, counted(1))),
        message({ sequenceNumber: 1 }, set(300, new Uint8Array(0))),
        data(1, 2),
      ],
      output: [
        announcement(),
        ...(to === RFC ? [message({})] : []),
        data(0, 1),
        ...(to === RFC ? [message({ sequenceNumber: 1 })] : []),
        data(1, 2),
      ],
      dropped: { template_refused: 1 },
      templates: { identity: 1, refused: 1 },
      events: [MAPPED, "template_refused 1/300 template_refused", "records_dropped 1/300 template_refused"],
    });
  });
}

Deno.test("a field of length zero decodes as empty, and is relayed unchanged if the dialect keeps the template's lengths", () =>
  conforms({
    to: RFC,
    input: [message({}, template(256, [field("0/82", 0), ...COUNT])), data(0, 1, 2)],
    output: [message({}, template(256, [field("0/82", 0), ...COUNT])), data(0, 1, 2)],
    events: [MAPPED],
  }));

Deno.test("one zero-length field decodes empty: an empty string, and the default of a type that has a size", () =>
  conforms({
    to: GO,
    input: [
      message({}, template(256, [field("0/82", 0), field("0/276", 0), ...COUNT, field("0/10", 0)])),
      data(0, 1, 2),
    ],
    output: [
      message({}, template(256, [field("0/82", 65535), field("0/276", 1), ...COUNT, field("0/10", 4)])),
      message({}, set(256, join(...[1, 2].map((each) => join(Uint8Array.of(0, 2), counted(each), new Uint8Array(4)))))),
    ],
    templates: { rewritten: 1 },
  }));

for (const count of [6, 100, 16_384, 65_535]) {
  Deno.test(`a field count of ${count} in a set of 20 octets is refused before any field is read`, () =>
    conforms({
      to: RFC,
      input: [
        announcement(),
        message({}, template(300, COUNT), set(2, join(number(301, 2), number(count, 2), new Uint8Array(16)))),
      ],
      output: [announcement()],
      refused: { reason: "template_truncated", offset: 16 + 16 + 8 },
      events: [MAPPED],
    }));
}

Deno.test("a template record that ends anywhere inside is refused, at its fields or at the PEN that is missing", () => {
  const record = templateRecord({ id: 300, scope: 0, fields: [field("0/4", 1), field("56506/101", 65535)] });
  for (let length = 4; length < record.length; length++) {
    // Without the 8 octets that two fields take at least, the count is refused; with them, the PEN is what is missing.
    const offset = length < 12 ? 24 : 32;
    conforms({
      to: GO,
      input: [announcement(), message({}, set(2, record.slice(0, length)))],
      output: [announcement()],
      refused: { reason: "template_truncated", offset },
      events: [MAPPED],
    });
  }
});

for (const id of [0, 1, 2, 3, 4, 255]) {
  Deno.test(`a template with fields and id ${id} is refused`, () =>
    conforms({
      to: RFC,
      input: [announcement(), message({}, template(300, COUNT), template(id, COUNT))],
      output: [announcement()],
      refused: { reason: "template_id", offset: 36 },
      events: [MAPPED],
    }));
}

Deno.test("an options template with an id below 256 is refused", () =>
  conforms({
    to: GO,
    input: [announcement(), message({}, template(255, COUNT, 1))],
    output: [announcement()],
    refused: { reason: "template_id", offset: 20 },
    events: [MAPPED],
  }));

const PEN_0 = { pen: 0, id: 8, enterpriseBit: true, length: 4 };

Deno.test("the enterprise bit with PEN 0 is no element that anyone knows: stripped, and its loss counted", () =>
  conforms({
    to: GO,
    input: [
      message({}, template(256, [PEN_0, ...COUNT])),
      message({}, set(256, join(number(7, 4), counted(1), number(0, 4), counted(2)))),
    ],
    output: [announcement(), data(0, 1, 2)],
    stripped: { "0/8": 2 },
    lost: { "0/8": 1 },
    templates: { rewritten: 1 },
    events: ["template_mapped 1/256 → 256 rewritten"],
  }));

Deno.test("the enterprise bit with PEN 0 is relayed unchanged to a collector without limits", () =>
  conforms({
    to: RFC,
    input: [message({}, template(256, [PEN_0, ...COUNT])), message({}, set(256, join(number(7, 4), counted(1))))],
    output: [message({}, template(256, [PEN_0, ...COUNT])), message({}, set(256, join(number(7, 4), counted(1))))],
    events: [MAPPED],
  }));

for (const missing of [1, 2, 3, 4]) {
  Deno.test(`a PEN that lacks ${missing} of its octets is refused`, () => {
    const record = templateRecord({ id: 256, scope: 0, fields: [field("56506/101", 65535)] });
    conforms({
      to: RFC,
      input: [announcement(), message({}, set(2, record.slice(0, -missing)))],
      output: [announcement()],
      refused: { reason: "template_truncated", offset: 28 },
      events: [MAPPED],
    });
  });
}

Deno.test("a wrong fixed length for a type is decoded by length and not passed as that type: integers narrowed, else stripped", () => {
  const wrong = [field("0/4", 2), field("0/1", 9), field("0/56", 5), field("0/276", 3)];
  conforms({
    to: GO,
    input: [
      message({}, template(256, [...wrong, ...COUNT])),
      message({}, set(256, join(new Uint8Array(19).fill(1), counted(1), new Uint8Array(19), counted(2)))),
    ],
    output: [
      message({}, template(256, [field("0/4", 1), field("0/1", 8), ...COUNT])),
      message({}, set(256, join(new Uint8Array(9), counted(1), new Uint8Array(9), counted(2)))),
    ],
    stripped: { sourceMacAddress: 2, dataRecordsReliability: 2 },
    lost: { protocolIdentifier: 1, octetDeltaCount: 1, sourceMacAddress: 1, dataRecordsReliability: 1 },
    templates: { rewritten: 1 },
  });
});

Deno.test("a wrong fixed length for a type goes on as it came to a collector without limits", () =>
  conforms({
    to: RFC,
    input: [message({}, template(256, [field("0/8", 5)])), message({}, set(256, text("12345")))],
    output: [message({}, template(256, [field("0/8", 5)])), message({}, set(256, text("12345")))],
    events: [MAPPED],
  }));

for (const scope of [0, 3, 255, 65535]) {
  for (const to of [RFC, GO]) {
    Deno.test(`a scope count of ${scope} for two fields is refused (${to.name})`, () =>
      conforms({
        to,
        input: [
          announcement(),
          message({}, set(3, join(number(300, 2), number(2, 2), number(scope, 2), new Uint8Array(8).fill(4)))),
        ],
        output: [announcement()],
        refused: { reason: "scope_field_count", offset: 24 },
        events: [MAPPED],
      }));
  }
}
