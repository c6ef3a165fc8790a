/** Lengths of fields: reduced sizes (RFC 7011 §6.2) and variable lengths (§7). */
import { field, join, message, number, set, text, variable, type WireField } from "../../support/messages/wire.ts";
import {
  announcement,
  conforms,
  COUNT,
  counted,
  data,
  GO,
  LEGACY,
  NAME,
  RFC,
  STRANGE,
  STREAM_READ,
  template,
} from "../conformance.ts";

/** Element, reduced length, value as it comes, length and value as it goes out. */
const REDUCED: readonly [what: string, element: string, value: Uint8Array, wide: Uint8Array][] = [
  ["unsigned16 in 1", "0/7", number(200, 1), number(200, 2)],
  ["unsigned32 in 1", "0/10", number(255, 1), number(255, 4)],
  ["unsigned32 in 3", "0/10", number(0xfffffe, 3), number(0xfffffe, 4)],
  ...[1, 2, 3, 4, 5, 6, 7].map((length): [string, string, Uint8Array, Uint8Array] => [
    `unsigned64 in ${length}`,
    "0/2",
    new Uint8Array(length).fill(0xfe),
    join(new Uint8Array(8 - length), new Uint8Array(length).fill(0xfe)),
  ]),
  ["signed32 in 1, negative", "0/434", number(-2, 1), number(-2, 4)],
  ["signed32 in 2, negative", "0/434", number(-32768, 2), number(-32768, 4)],
  ["signed32 in 3, negative", "0/434", number(-1, 3), number(-1, 4)],
  ["signed32 in 3, positive", "0/434", number(0x7fffff, 3), number(0x7fffff, 4)],
  ["float64 as float32", "0/311", Uint8Array.of(0x3f, 0, 0, 0), Uint8Array.of(0x3f, 0xe0, 0, 0, 0, 0, 0, 0)],
  [
    "float64 as float32, infinite",
    "0/311",
    Uint8Array.of(0xff, 0x80, 0, 0),
    Uint8Array.of(0xff, 0xf0, 0, 0, 0, 0, 0, 0),
  ],
];

for (const [what, element, value, wide] of REDUCED) {
  Deno.test(`${what} octets keeps its value, widened where the collector reads its registry's length`, () => {
    const name = field(element, value.length);
    const narrow = [
      message({}, template(256, [field("0/4", 1), name])),
      message({}, set(256, join(Uint8Array.of(6), value))),
    ];
    conforms({ to: RFC, input: narrow, output: narrow, templates: { identity: 1 } });
    conforms({
      to: GO,
      input: narrow,
      output: [
        message({}, template(256, [field("0/4", 1), field(element, wide.length)])),
        message({}, set(256, join(Uint8Array.of(6), wide))),
      ],
      templates: { rewritten: 1 },
    });
  });
}

Deno.test("what may not be reduced is not read as a reduced number: boolean, address, time, unsigned8", () => {
  const wrong: readonly WireField[] = [field("0/8", 2), field("0/150", 3), field("0/152", 4), field("0/56", 4)];
  conforms({
    to: { ...GO, templates: [] },
    input: [
      message({}, template(256, [...wrong, ...COUNT])),
      message({}, set(256, join(new Uint8Array(13).fill(1), counted(1)))),
    ],
    output: [announcement(), data(0, 1)],
    lost: { sourceIPv4Address: 1, flowStartSeconds: 1, flowStartMilliseconds: 1, sourceMacAddress: 1 },
  });
});

for (const octets of [1, 4, 254, 255, 256, 65_500]) {
  Deno.test(`strings and octet arrays of ${octets} octets may be fixed: out they go variable, all octets of them`, () => {
    const value = new Uint8Array(octets).fill(65);
    const input = [message({}, template(256, [field("0/82", octets)])), message({}, set(256, value))];
    conforms({ to: RFC, input, output: input });
    conforms({ to: GO, input, output: [message({}, template(256, [NAME])), message({}, set(256, variable(value)))] });
  });
}

Deno.test("the long form of a short length stays long where the record moves, and counts as its value", () =>
  conforms({
    to: GO,
    input: [
      message({}, template(256, [STRANGE, NAME, field("64512/2", 65535), field("0/2", 7)])),
      message({}, set(256, join(number(0, 4), variable(text("eth0"), true), variable(text(""), true), number(7, 7)))),
    ],
    output: [
      message({}, template(256, [NAME, field("0/2", 8)])),
      message({}, set(256, join(variable(text("eth0"), true), number(7, 8)))),
    ],
    stripped: { "64512/1": 1, "64512/2": 1 },
    lost: {},
  }));

for (const to of [RFC, GO, LEGACY, STREAM_READ]) {
  Deno.test(`variable lengths of 0, 1, 254, 255, 256 and 65,500 octets, in either form (${to.name})`, () => {
    const lengths = [0, 1, 254, 255, 256, 65_500];
    const input = [
      message({}, template(256, [NAME])),
      ...lengths.map((length, index) =>
        message({ sequenceNumber: index }, set(256, variable(new Uint8Array(length).fill(65))))
      ),
      ...[0, 1, 254].map((length, index) =>
        message({ sequenceNumber: 6 + index }, set(256, variable(new Uint8Array(length).fill(66), true)))
      ),
    ];
    conforms({ to, input, output: input });
  });

  for (
    const [where, fields] of Object.entries({
      first: [NAME, ...COUNT],
      last: [...COUNT, NAME],
      alone: [NAME],
      many: [NAME, NAME, field("0/4", 1), NAME, NAME, field("0/2", 8), NAME],
    })
  ) {
    Deno.test(`variable fields ${where}, short and long in turn (${to.name})`, () => {
      const record = (seed: number) =>
        join(...fields.map(({ length }, index) => {
          if (length !== 65535) return number(seed, length);
          const value = new Uint8Array([0, 3, 254, 255, 300][(seed + index) % 5] ?? 0).fill(65 + index);
          return variable(value, (seed + index) % 3 === 0);
        }));
      const input = [
        message({}, template(256, fields)),
        ...[0, 1, 2, 3, 4].map((seed) =>
          message({ sequenceNumber: 3 * seed }, set(256, join(record(seed), record(seed + 1), record(seed + 2))))
        ),
      ];
      conforms({ to, input, output: input });
    });
  }
}
