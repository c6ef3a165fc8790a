/** Messages, sets, templates and elements (RFC 7011 §3): what stays as it was, whatever is rewritten. */
import { SHIPPED } from "../../../plugins/mod.ts";
import { defaultPlugins } from "../../support/session.ts";
import { field, join, message, number, set, templateRecord, text, variable } from "../../support/messages/wire.ts";
import {
  announcement,
  conforms,
  COUNT,
  counted,
  data,
  GO,
  LEGACY,
  MAPPED,
  NAME,
  RFC,
  STREAM_READ,
  template,
} from "../conformance.ts";

const ALL = [RFC, GO, LEGACY, STREAM_READ];

for (const to of ALL) {
  Deno.test(`version and length are right in all that goes out, up to 65,535 octets (${to.name})`, () => {
    const longest = message({}, set(256, variable(new Uint8Array(65_512).fill(65))));
    const input = [
      message({}, template(256, [NAME])),
      longest,
      message({ sequenceNumber: 1 }, set(256, variable(text("eth0")))),
    ];
    conforms({ to, input, output: input });
  });

  Deno.test(`sequence numbers are the exporter's own where nothing is split or dropped, templates and all (${to.name})`, () => {
    const input = [
      announcement({ sequenceNumber: 1000 }),
      data(1000, 1, 2, 3),
      announcement({ sequenceNumber: 1003 }),
      message({ sequenceNumber: 1003 }, template(257, COUNT)),
      data(1003, 4),
      message({ sequenceNumber: 1004 }, set(257, join(counted(5), counted(6)))),
      data(1006, 7),
    ];
    conforms({ to, input, output: input });
  });

  Deno.test(`each observation domain has sequence numbers of its own (${to.name})`, () => {
    const of = (observationDomain: number, sequenceNumber: number) =>
      message({ observationDomain, sequenceNumber }, set(256, counted(1)));
    const both = [1, 2 ** 32 - 1].map((observationDomain) => announcement({ observationDomain }));
    const input = [...both, of(1, 0), of(1, 1), of(2 ** 32 - 1, 0), of(1, 2), of(2 ** 32 - 1, 1)];
    conforms({ to, input, output: input });
  });

  Deno.test(`the same template id in two observation domains is two templates (${to.name})`, () => {
    const other = [field("0/4", 1)];
    const input = [
      announcement(),
      message({ observationDomain: 2 }, template(256, other)),
      data(0, 1),
      message({ observationDomain: 2 }, set(256, Uint8Array.of(6, 17))),
      data(1, 2),
    ];
    conforms({
      to,
      input,
      output: input,
      templates: { identity: 2 },
      events: [MAPPED, "template_mapped 2/256 → 256 identity"],
    });
  });

  Deno.test(`the export time is kept, on every way that a message can take (${to.name})`, () => {
    const at = (exportTime: number, sequenceNumber: number, ...sets: Uint8Array[]) =>
      message({ exportTime, sequenceNumber }, ...sets);
    const input = [
      at(0, 0, template(256, COUNT)),
      at(2 ** 32 - 1, 0, set(256, counted(1))),
      at(5, 1, template(257, [field("0/4", 1), ...COUNT])),
      at(7, 1, set(257, join(Uint8Array.of(6), counted(2)))),
    ];
    conforms({ to, input, output: input });
    conforms({
      to,
      facts: { maxMessageLength: 60 },
      input: [
        at(1, 0, template(256, COUNT)),
        at(99, 0, set(256, join(counted(1), counted(2), counted(3), counted(4), counted(5)))),
      ],
      output: [
        at(1, 0, template(256, COUNT)),
        at(99, 0, set(256, join(counted(1), counted(2), counted(3), counted(4)))),
        at(99, 4, set(256, counted(5))),
      ],
    });
  });

  Deno.test(`template ids 256 and 65535 are templates like others (${to.name})`, () => {
    const input = [256, 65_535].flatMap((id, index) => [
      message({ sequenceNumber: index }, template(id, COUNT)),
      message({ sequenceNumber: index }, set(id, counted(1))),
    ]);
    conforms({ to, input, output: input, templates: { identity: 2 } });
  });

  Deno.test(`duplicate elements are kept, in order (${to.name})`, () => {
    const twice = [field("0/4", 1), NAME, field("0/4", 1), NAME, field("0/4", 1)];
    const record = join(Uint8Array.of(1), variable(text("a")), Uint8Array.of(2), variable(text("b")), Uint8Array.of(3));
    const input = [message({}, template(256, twice)), message({}, set(256, record))];
    conforms({ to, input, output: input, templates: { identity: 1 } });
  });

  Deno.test(`the reverse direction (PEN 29305) is another element, and known as such (${to.name})`, () => {
    const both = [field("29305/2", 8), field("0/2", 8), field("29305/1", 8)];
    const record = join(number(1, 8), number(2, 8), number(3, 8));
    const input = [message({}, template(256, both)), message({}, set(256, record))];
    conforms({ to, input, output: input, templates: { identity: 1 } });
  });
}

Deno.test("records of options templates count like others", () => {
  const input = [
    message({}, template(300, COUNT, 1), template(256, COUNT)),
    message({}, set(300, join(counted(1), counted(2)))),
    data(2, 3),
    message({ sequenceNumber: 3 }, set(300, counted(4)), set(256, counted(5))),
    data(5, 6),
  ];
  conforms({ to: RFC, input, output: input });
  // Where they are dropped, what is sent is counted.
  conforms({
    to: GO,
    input,
    output: [announcement(), data(0, 3), data(1, 5), data(2, 6)],
    dropped: { options_template: 3 },
    events: ["template_refused 1/300 options_template", MAPPED, "records_dropped 1/300 options_template"],
  });
});

Deno.test("sequence numbers are counted modulo 2^32 where something is split", () => {
  const input = [
    message(
      { sequenceNumber: 2 ** 32 - 2 },
      template(256, COUNT),
      set(256, counted(1)),
      set(256, counted(2)),
      set(256, counted(3)),
    ),
    data(1, 4),
  ];
  conforms({
    to: GO,
    input,
    output: [
      announcement({ sequenceNumber: 2 ** 32 - 2 }),
      data(2 ** 32 - 2, 1),
      data(2 ** 32 - 1, 2),
      data(0, 3),
      data(1, 4),
    ],
  });
});

const FORTY = [field("0/403", 4), field("0/404", 16), field("0/405", 4)];
const FORTY_VALUES = join(number(0xc0000201, 4), new Uint8Array(16).fill(3), number(42, 4));

for (const to of [RFC, GO]) {
  Deno.test(`elements 403, 404 and 405 that came in are never altered, not even by annotate-exporter (${to.name})`, () => {
    const annotate = SHIPPED.find(({ name }) => name === "annotate-exporter");
    if (annotate === undefined) throw new Error("annotate-exporter is gone");
    const plugin = annotate.create(annotate.options.parse({}), to);
    const [mapFields, stripUnknown, ...rest] = defaultPlugins(to);
    if (mapFields === undefined || stripUnknown === undefined) throw new Error("the chain is shorter");
    const input = [
      message({}, template(256, [...COUNT, ...FORTY])),
      message({}, set(256, join(counted(1), FORTY_VALUES))),
    ];
    for (const address of ["198.51.100.7", "2001:db8::7"]) {
      conforms({
        to,
        facts: { address },
        options: { plugins: [mapFields, stripUnknown, plugin, ...rest] },
        input,
        output: input,
        templates: { identity: 1 },
      });
    }
  });
}

Deno.test("several sets a message, several records a set, mixed: the order is kept where a message stays whole", () => {
  const mixed = message(
    {},
    join(
      set(2, join(...[256, 257].map((id) => templateRecord({ id, scope: 0, fields: COUNT })))),
      set(257, join(counted(1), counted(2))),
      set(256, counted(3)),
      set(2, number(257 * 0x10000, 4)),
      template(300, COUNT, 2),
      set(300, counted(4)),
      template(257, [NAME]),
      set(256, counted(5)),
      set(257, join(variable(text("a")), variable(text("")))),
    ),
  );
  conforms({
    to: RFC,
    input: [mixed, data(7, 6)],
    output: [mixed, data(7, 6)],
    events: [
      MAPPED,
      "template_mapped 1/257 → 257 identity",
      "template_withdrawn 1/257",
      "template_mapped 1/300 → 300 identity",
      "template_mapped 1/257 → 257 identity",
    ],
  });
});

Deno.test("the order is kept if each set is sent in a message of its own", () =>
  conforms({
    to: GO,
    input: [
      message(
        {},
        set(2, join(...[256, 257].map((id) => templateRecord({ id, scope: 0, fields: COUNT })))),
        set(257, join(counted(1), counted(2))),
        set(256, counted(3)),
        set(2, number(257 * 0x10000, 4)),
        template(257, [NAME]),
        set(256, counted(5)),
        set(257, join(variable(text("a")), variable(text("")))),
      ),
      data(6, 6),
    ],
    output: [
      announcement(),
      message({}, template(257, COUNT)),
      message({}, set(257, join(counted(1), counted(2)))),
      data(2, 3),
      message({ sequenceNumber: 3 }, template(257, [NAME])),
      data(3, 5),
      message({ sequenceNumber: 4 }, set(257, join(variable(text("a")), variable(text(""))))),
      data(6, 6),
    ],
    events: [
      MAPPED,
      "template_mapped 1/257 → 257 identity",
      "template_withdrawn 1/257",
      "template_mapped 1/257 → 257 identity",
    ],
  }));

for (const scope of [0, 1, 2]) {
  for (const before of [0, 1]) {
    if (scope === before) continue;
    Deno.test(`data and options templates share their ids: scope ${scope} replaces scope ${before}`, () => {
      const input = [
        message({}, template(256, COUNT, before)),
        data(0, 1),
        message({ sequenceNumber: 1 }, template(256, COUNT, scope)),
        data(1, 2),
      ];
      conforms({
        to: RFC,
        input,
        output: input,
        templates: { identity: 2, replaced: 1 },
        events: [MAPPED, `${MAPPED} replaced`, "warning 1/256: a template with another layout replaces it"],
      });
    });
  }
}

for (let octets = 1; octets < 4; octets++) {
  Deno.test(`${octets} octets of padding, zero or not, at the end of sets of templates are accepted`, () => {
    for (const value of [0, 0xff]) {
      const padding = new Uint8Array(octets).fill(value);
      const record = templateRecord({ id: 256, scope: 0, fields: COUNT });
      const options = templateRecord({ id: 300, scope: 1, fields: COUNT });
      const padded = message({}, set(2, join(record, padding)), set(3, join(options, padding)));
      conforms({ to: RFC, input: [padded, data(0, 1)], output: [padded, data(0, 1)] });
      conforms({
        to: GO,
        input: [message({}, set(2, join(record, padding))), data(0, 1)],
        output: [
          announcement(),
          data(0, 1),
        ],
      });
    }
  });
}

for (const [scope, count] of [[1, 1], [1, 2], [2, 2], [7, 8], [8, 8]] as const) {
  Deno.test(`a scope count of ${scope} for ${count} fields is right`, () => {
    const fields = Array.from({ length: count }, () => field("0/4", 1));
    const input = [message({}, template(300, fields, scope)), message({}, set(300, new Uint8Array(2 * count).fill(6)))];
    conforms({ to: RFC, input, output: input, templates: { identity: 1 } });
  });
}
