/** Templates that are redefined, and floods of templates up to the limits. */
import assert from "node:assert/strict";
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
  LEGACY,
  MAPPED,
  open,
  PATIENCE,
  plain,
  RFC,
  STRANGE,
  template,
  TORN,
  withdrawal,
} from "../conformance.ts";
import { processorTime } from "../../support/time/processor_time.ts";

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

Deno.test("a redefinition in the middle of a message applies in order, with each set in a message of its own", () =>
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

Deno.test("a flood of templates: past the session's cap new ones are refused, counted and reported once; existing ones work", () => {
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

Deno.test("a flood of observation domains: past the cap new ones are refused; existing ones work", () => {
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

Deno.test("a flood of templates over many sessions: the common cap holds, and the end of a session frees room", () => {
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

Deno.test("a broken message releases all the room that its templates took", () => {
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
  Deno.test(`everything stripped: no template goes out, its data is dropped and counted (${to.name})`, () =>
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

Deno.test("a refused template replaces an accepted one, which decodes no more data, and the other way round", () =>
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
    const begin = processorTime();
    const input = [message({}, template(256, fields)), message({}, set(256, new Uint8Array(3 * 16_377).fill(6)))];
    assertMessages(rewriteAll(session, join(...input)).output, input);
    assert.ok(processorTime() - begin < PATIENCE, `${processorTime() - begin} ms`);
    session.close();
  }
});
