/** Withdrawals and replacements of templates (RFC 7011 §8.1), and what is counted. */
import { field, join, message, number, set } from "../../support/messages/wire.ts";
import {
  announcement,
  conforms,
  COUNT,
  counted,
  data,
  GO,
  LEGACY,
  listOf,
  MAPPED,
  RFC,
  STRANGE,
  STREAM_READ,
  template,
} from "../conformance.ts";

const ALL = [RFC, GO, LEGACY, STREAM_READ];

Deno.test("withdrawals apply in order: one, all of a kind, and the other kind stays", () => {
  const one = (id: number, setId = 2) => set(setId, number(id * 0x10000, 4));
  conforms({
    to: RFC,
    input: [
      message({}, template(256, COUNT), template(257, COUNT), template(300, COUNT, 1), template(301, COUNT, 1)),
      message({}, set(256, counted(1)), one(256), set(257, counted(2))),
      message({ sequenceNumber: 2 }, one(2), set(300, counted(3))),
      message({ sequenceNumber: 3 }, template(256, COUNT), one(3, 3), set(256, counted(4))),
    ],
    output: [
      message({}, template(256, COUNT), template(257, COUNT), template(300, COUNT, 1), template(301, COUNT, 1)),
      message({}, set(256, counted(1)), one(256), set(257, counted(2))),
      message({ sequenceNumber: 2 }, one(257), set(300, counted(3))),
      message(
        { sequenceNumber: 3 },
        template(256, COUNT),
        set(3, join(number(300 * 0x10000, 4), number(301 * 0x10000, 4))),
        set(256, counted(4)),
      ),
    ],
    events: [
      ...[256, 257, 300, 301].map((id) => `template_mapped 1/${id} → ${id} identity`),
      "template_withdrawn 1/256",
      "template_withdrawn 1/257",
      MAPPED,
      "template_withdrawn 1/300",
      "template_withdrawn 1/301",
    ],
  });
});

Deno.test("a withdrawal is of its observation domain alone", () => {
  const input = [
    announcement(),
    announcement({ observationDomain: 2 }),
    message({ observationDomain: 2 }, set(2, number(256 * 0x10000, 4))),
    data(0, 1),
  ];
  conforms({
    to: RFC,
    input,
    output: input,
    templates: { identity: 2 },
    events: [
      MAPPED,
      "template_mapped 2/256 → 256 identity",
      "template_withdrawn 2/256",
    ],
  });
});

Deno.test("the withdrawal of an unknown template, or in a set of the other kind, is ignored and reported", () => {
  const unknown = "the withdrawal of an unknown template is ignored";
  conforms({
    to: RFC,
    input: [
      announcement(),
      message({}, set(2, number(999 * 0x10000, 4)), set(3, number(256 * 0x10000, 4))),
      data(0, 1),
    ],
    output: [announcement(), message({}), data(0, 1)],
    events: [MAPPED, `warning 1/999: ${unknown}`, `warning 1/256: ${unknown}`],
  });
});

for (const to of ALL) {
  Deno.test(`an identical template that comes again is no error, and goes out again (${to.name})`, () => {
    const input = [announcement(), data(0, 1), announcement({ sequenceNumber: 1 }), data(1, 2)];
    conforms({ to, input, output: input, templates: { identity: 1 }, events: [MAPPED] });
  });

  for (const reliable of [true, false]) {
    Deno.test(`a different template replaces, with a warning (${to.name}, ${reliable ? "TCP" : "UDP"})`, () => {
      const other = [field("0/4", 1)];
      const input = [
        announcement(),
        data(0, 1),
        message({ sequenceNumber: 1 }, template(256, other)),
        message({ sequenceNumber: 1 }, set(256, Uint8Array.of(6, 17))),
      ];
      conforms({
        to,
        facts: { reliable },
        input,
        output: input,
        templates: { identity: 2, replaced: 1 },
        events: [MAPPED, `${MAPPED} replaced`, "warning 1/256: a template with another layout replaces it"],
      });
    });
  }
}

for (const name of ["antrea/v0.12", "antrea/v1.1", "antrea/v1.15", "antrea/v2.2", "antrea/v2.7"]) {
  Deno.test(`what is dropped is counted by its reason, all reasons at once (${name})`, () => {
    const { profile, fields } = listOf(name);
    conforms({
      to: profile,
      input: [
        message({}, template(256, [STRANGE]), template(257, [field("0/82", 0)]), template(300, COUNT, 1)),
        message({}, template(258, COUNT), template(259, fields)),
        message({}, set(256, new Uint8Array(8)), set(257, new Uint8Array(8)), set(300, counted(1))),
        message({ sequenceNumber: 3 }, set(7, counted(1)), set(258, new Uint8Array()), set(400, counted(1))),
        message({ sequenceNumber: 3 }, set(258, counted(9))),
      ],
      output: [
        message({}, template(258, COUNT)),
        message({}, template(259, fields)),
        message({}, set(258, counted(9))),
      ],
      dropped: {
        everything_stripped: 2,
        template_refused: 1,
        options_template: 1,
        reserved_set: 1,
        unknown_template: 1,
      },
      templates: { refused: 3, identity: 2 },
      events: [
        "template_refused 1/256 everything_stripped",
        "template_refused 1/257 template_refused",
        "template_refused 1/300 options_template",
        "template_mapped 1/258 → 258 identity",
        "template_mapped 1/259 → 259 identity",
        "records_dropped 1/256 everything_stripped",
        "records_dropped 1/257 template_refused",
        "records_dropped 1/300 options_template",
        "records_dropped 1/7 reserved_set",
        "records_dropped 1/400 unknown_template",
      ],
    });
  });
}
