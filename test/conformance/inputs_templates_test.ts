/** "Inputs: Templates" of the conformance rules. */
import assert from "node:assert/strict";
import { mediatorOf } from "../support/session.ts";
import { rewriteAll } from "../support/rewrite_all.ts";
import { field, join, message, number, set, templateRecord, text } from "../support/messages/wire.ts";
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
  PATIENCE,
  plain,
  RFC,
  template,
  TORN,
} from "./conformance.ts";

const MAPPED = "template_mapped 1/256 → 256 identity";
const STRANGE = field("64512/1", 4);
const withdrawal = (id: number, setId = 2) => set(setId, number(id * 0x10000, 4));

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

Deno.test("zero fields are ignored on UDP, and told", () =>
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

Deno.test("one zero-length field decodes empty: it goes on as it is where lengths are the template's", () =>
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
  Deno.test(`a field count of ${count} in a set of 20 octets is refused without allocating`, () => {
    const before = Deno.memoryUsage().heapUsed;
    conforms({
      to: RFC,
      input: [
        announcement(),
        message({}, template(300, COUNT), set(2, join(number(301, 2), number(count, 2), new Uint8Array(16)))),
      ],
      output: [announcement()],
      refused: { reason: "template_truncated", offset: 16 + 16 + 8 },
      events: [MAPPED],
    });
    assert.ok(Deno.memoryUsage().heapUsed - before < 50_000_000);
  });
}

Deno.test("a template record that ends anywhere inside is refused, at the octet where it ends", () => {
  const record = templateRecord({ id: 300, scope: 0, fields: [field("0/4", 1), field("56506/101", 65535)] });
  for (let length = 4; length < record.length; length++) {
    // Two fields take 8 octets at least; then the PEN is missing.
    const offset = length < 12 ? 24 : length < 12 ? 28 : 32;
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

Deno.test("the enterprise bit with PEN 0 goes on untouched to a collector that takes anything", () =>
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

const OTHER = [field("0/4", 1)];

Deno.test("a redefinition in the middle of a message: order decides, the message goes on as it came", () => {
  const mixed = message(
    {},
    template(256, COUNT),
    set(256, counted(1)),
    template(256, OTHER),
    set(256, Uint8Array.of(17, 18)),
    template(256, COUNT),
    set(256, counted(2)),
  );
  const replaced = `${MAPPED} replaced`;
  const warning = "warning 1/256: a template with another layout replaces it";
  conforms({
    to: RFC,
    input: [mixed, data(4, 3)],
    output: [mixed, data(4, 3)],
    templates: { identity: 3, replaced: 2 },
    events: [MAPPED, replaced, warning, replaced],
  });
});

Deno.test("a redefinition in the middle of a message: order decides, each set in a message of its own", () =>
  conforms({
    to: GO,
    input: [
      message(
        {},
        template(256, [...COUNT, STRANGE]),
        set(256, join(counted(1), number(9, 4))),
        template(256, OTHER),
        set(256, Uint8Array.of(17, 18)),
      ),
      message({ sequenceNumber: 3 }, set(256, Uint8Array.of(19))),
    ],
    output: [
      announcement(),
      data(0, 1),
      message({ sequenceNumber: 1 }, template(256, OTHER)),
      message({ sequenceNumber: 1 }, set(256, Uint8Array.of(17, 18))),
      message({ sequenceNumber: 3 }, set(256, Uint8Array.of(19))),
    ],
    stripped: { "64512/1": 1 },
    lost: { "64512/1": 1 },
    templates: { rewritten: 1, identity: 1, replaced: 1 },
    events: [
      "template_mapped 1/256 → 256 rewritten",
      `${MAPPED} replaced`,
      "warning 1/256: a template with another layout replaces it",
    ],
  }));

Deno.test("a redefinition in a message that is broken behind it has not happened", () =>
  conforms({
    to: GO,
    input: [announcement(), data(0, 1), message({ sequenceNumber: 1 }, template(256, OTHER), set(256, counted(2), 2))],
    output: [announcement(), data(0, 1)],
    refused: { reason: "set_length", offset: 16 + 12 + 2 },
    events: [MAPPED],
  }));

for (const to of [RFC, GO, LEGACY]) {
  Deno.test(`a redefinition, a newcomer and a withdrawal before data that overruns have not happened (${to.name})`, () => {
    const texts = template(300, [field("0/82", 65535)]);
    conforms({
      to,
      input: [
        announcement(),
        data(0, 1),
        message(
          { sequenceNumber: 1 },
          template(256, OTHER),
          template(301, OTHER),
          texts,
          withdrawal(256),
          template(256, [STRANGE]),
          set(300, Uint8Array.of(3, 65, 66)),
        ),
      ],
      output: [announcement(), data(0, 1)],
      refused: { reason: "field_overrun", offset: 16 + 12 + 12 + 12 + 8 + 16 + 4 },
      templates: { identity: 1 },
      events: [MAPPED],
    });
  });
}

Deno.test("a flood of templates: past the session's cap newcomers are refused and counted, told once; what stands works", () => {
  const more = [257, 258, 259, 260, 261].map((id) => template(id, COUNT));
  const room = [announcement(), message({}, ...more.slice(0, 2))];
  conforms({
    to: RFC,
    options: { limits: { templatesPerSession: 3 } },
    input: [
      ...room,
      message({}, ...more.slice(2)),
      data(0, 1),
      message({ sequenceNumber: 1 }, set(259, counted(2)), set(258, counted(3))),
      message({ sequenceNumber: 3 }, withdrawal(257), template(261, COUNT)),
      message({ sequenceNumber: 3 }, set(261, counted(4))),
    ],
    output: [
      ...room,
      message({}),
      data(0, 1),
      message({ sequenceNumber: 1 }, set(258, counted(3))),
      message({ sequenceNumber: 2 }, withdrawal(257), template(261, COUNT)),
      message({ sequenceNumber: 2 }, set(261, counted(4))),
    ],
    dropped: { unknown_template: 1 },
    templates: { identity: 4, refused: 3 },
    gaps: 1,
    events: [
      MAPPED,
      "template_mapped 1/257 → 257 identity",
      "template_mapped 1/258 → 258 identity",
      "records_dropped 1/259 limit",
      "records_dropped 1/259 unknown_template",
      "template_withdrawn 1/257",
      "template_mapped 1/261 → 261 identity",
      "sequence_gap 1: 2 → 3",
    ],
  });
});

Deno.test("a redefinition is no newcomer: it finds room at the cap", () =>
  conforms({
    to: RFC,
    options: { limits: { templatesPerSession: 1, templates: 1, observationDomainsPerSession: 1 } },
    input: [announcement(), message({}, template(256, OTHER)), message({}, set(256, Uint8Array.of(17)))],
    output: [announcement(), message({}, template(256, OTHER)), message({}, set(256, Uint8Array.of(17)))],
    templates: { identity: 2, replaced: 1 },
    events: [MAPPED, `${MAPPED} replaced`, "warning 1/256: a template with another layout replaces it"],
  }));

Deno.test("a flood of observation domains: past the cap newcomers are refused; what stands works", () => {
  const of = (observationDomain: number) => [
    announcement({ observationDomain }),
    message({ observationDomain }, set(256, counted(observationDomain))),
  ];
  conforms({
    to: GO,
    options: { limits: { observationDomainsPerSession: 2 } },
    input: [1, 2, 3, 4, 5, 3].flatMap(of).concat(data(1, 9)),
    output: [...of(1), ...of(2), data(1, 9)],
    dropped: { unknown_template: 4 },
    templates: { identity: 2, refused: 4 },
    events: [
      MAPPED,
      "template_mapped 2/256 → 256 identity",
      "records_dropped 3/256 limit",
      "records_dropped 3/256 unknown_template",
      "records_dropped 4/256 unknown_template",
      "records_dropped 5/256 unknown_template",
    ],
  });
});

Deno.test("a flood of templates in all: the cap holds over sessions, and a session that ends makes room", () => {
  const mediator = mediatorOf(RFC, { limits: { templates: 3 } });
  const [one, other] = [open(mediator), open(mediator)];
  const three = message({}, template(256, COUNT), template(257, COUNT), template(258, COUNT));
  assertMessages(rewriteAll(one.session, three).output, [three]);
  assertMessages(rewriteAll(other.session, join(announcement(), data(0, 1))).output, [message({}), message({})]);
  assert.deepEqual(plain(other.session.counters.templates), { refused: 1 });
  assert.deepEqual(plain(other.session.counters.recordsDropped), { unknown_template: 1 });
  assertMessages(rewriteAll(one.session, data(0, 1)).output, [data(0, 1)]);
  one.session.close();
  const again = [announcement({ sequenceNumber: 1 }), data(1, 2)];
  const rewritten = rewriteAll(other.session, join(...again)).output;
  assert.ok(rewritten.toHex().endsWith(set(256, counted(2)).toHex()));
  assert.equal(rewritten.length, join(...again).length);
  other.session.close();
});

Deno.test("a broken message gives back all the room that its templates took", () => {
  const mediator = mediatorOf(RFC, {
    limits: { templates: 2, templatesPerSession: 2, observationDomainsPerSession: 2 },
  });
  const { session } = open(mediator, { reliable: false });
  for (let observationDomain = 100; observationDomain < 400; observationDomain++) {
    const broken = message({ observationDomain }, template(256, COUNT), template(257, COUNT), TORN);
    const torn = message({ observationDomain }, template(256, COUNT), template(257, COUNT), set(256, counted(1), 9));
    for (const octets of [broken, torn]) assert.ok(rewriteAll(session, octets).error !== undefined);
  }
  const good = message({}, template(256, COUNT), template(257, COUNT));
  assertMessages(rewriteAll(session, join(good, data(0, 1))).output, [good, data(0, 1)]);
  session.close();
});

for (const to of [GO, LEGACY]) {
  Deno.test(`everything stripped: no template goes out, its data is counted away (${to.name})`, () =>
    conforms({
      to,
      input: [
        message({}, template(256, [STRANGE]), template(257, COUNT)),
        message({}, set(256, new Uint8Array(12)), set(257, counted(1))),
        message({ sequenceNumber: 4 }, set(256, new Uint8Array(4))),
        message({ sequenceNumber: 5 }, set(257, counted(2))),
      ],
      output: [
        message({}, template(257, COUNT)),
        message({}, set(257, counted(1))),
        message({ sequenceNumber: 1 }, set(257, counted(2))),
      ],
      dropped: { everything_stripped: 4 },
      templates: { refused: 1, identity: 1 },
      events: [
        "template_refused 1/256 everything_stripped",
        "template_mapped 1/257 → 257 identity",
        "records_dropped 1/256 everything_stripped",
      ],
    }));
}

Deno.test("a template that is refused takes the place of one that was not: the old one decodes nothing any more, and the other way round", () =>
  conforms({
    to: GO,
    input: [
      announcement(),
      data(0, 1),
      message({ sequenceNumber: 1 }, template(256, [STRANGE])),
      message({ sequenceNumber: 1 }, set(256, number(1, 4))),
      announcement({ sequenceNumber: 2 }),
      data(2, 2),
    ],
    output: [announcement(), data(0, 1), announcement({ sequenceNumber: 1 }), data(1, 2)],
    dropped: { everything_stripped: 1 },
    templates: { identity: 2, refused: 1, replaced: 2 },
    events: [
      MAPPED,
      "template_refused 1/256 everything_stripped",
      "warning 1/256: a template with another layout replaces it",
      "records_dropped 1/256 everything_stripped",
      `${MAPPED} replaced`,
    ],
  }));

Deno.test("a template of 16,377 fields is read, mapped and sent in bounded time", () => {
  for (const to of [RFC, GO]) {
    const fields = Array.from({ length: 16_377 }, () => field("0/4", 1));
    const { session } = open(mediatorOf(to));
    const begin = performance.now();
    const input = [message({}, template(256, fields)), message({}, set(256, new Uint8Array(3 * 16_377).fill(6)))];
    assertMessages(rewriteAll(session, join(...input)).output, input);
    assert.ok(performance.now() - begin < PATIENCE, `${performance.now() - begin} ms`);
    session.close();
  }
});
