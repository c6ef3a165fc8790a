/** Which list a template follows, and which values its fields then have. */
import assert from "node:assert/strict";
import { loadProfile } from "../../../src/config/profiles/profiles.ts";
import {
  field,
  join,
  message,
  number,
  readRecords,
  recordOctets,
  set,
  text,
  type WireField,
} from "../../support/messages/wire.ts";
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
  template,
} from "../conformance.ts";

Deno.test("a release line means its newest patch release; registry, dialect and list are that release's own", () => {
  const registryOf = (name: string) => loadProfile(name).registry.name;
  assert.equal(registryOf("antrea/v2.3"), registryOf("antrea/v2.3.2"));
  assert.notEqual(registryOf("antrea/v2.3"), registryOf("antrea/v2.3.0"));
  const layouts = (name: string) =>
    loadProfile(name).templates.map(({ fields }) =>
      fields.map(({ element }) => `${element.pen}/${element.id}`).join(" ")
    );
  assert.deepEqual(layouts("antrea/v2.2"), layouts("antrea/v2.0"));
  assert.notEqual(registryOf("antrea/v2.2"), registryOf("antrea/v2.0"));
  assert.deepEqual(layouts("antrea/v2.3"), layouts("antrea/v2.2"));
  assert.notEqual(loadProfile("antrea/v2.3").dialect, loadProfile("antrea/v2.2").dialect);
});

/** Values of a list, told apart by their place. */
function valuesOf(fields: readonly WireField[]): Uint8Array[] {
  return fields.map(({ length }, index) => length === 65535 ? text(`text ${index}`) : number(index + 1, length));
}

/** The list with the value of one element, the rest defaults as the collector's types have them. */
function onlyValues(fields: readonly WireField[], values: Readonly<Record<string, Uint8Array>>): Uint8Array {
  return recordOctets(
    fields,
    fields.map(({ pen, id, length }) => values[`${pen}/${id}`] ?? new Uint8Array(length === 65535 ? 0 : length)),
  );
}

for (const name of ["antrea/v1.1", "antrea/v1.15", "antrea/v2.0", "antrea/v2.7"]) {
  const { profile, fields } = listOf(name);
  const [source, destination] = [number(0x0a000001, 4), number(0x0a000002, 4)];

  Deno.test(`a template that holds both selecting elements follows the first match, IPv4 (${name})`, () =>
    conforms({
      to: profile,
      input: [
        message({}, template(256, [field("0/27", 16), field("0/8", 4), field("0/12", 4)])),
        message({}, set(256, join(new Uint8Array(16).fill(9), source, destination))),
      ],
      output: [
        message({}, template(256, fields)),
        message({}, set(256, onlyValues(fields, { "0/8": source, "0/12": destination }))),
      ],
      stripped: { sourceIPv6Address: 1 },
      lost: { sourceIPv6Address: 1 },
      templates: { rewritten: 1 },
    }));

  Deno.test(`an expected element that comes twice: the first one (${name})`, () =>
    conforms({
      to: profile,
      input: [
        message({}, template(256, [field("0/8", 4), field("0/12", 4), field("0/8", 4)])),
        message({}, set(256, join(source, destination, number(7, 4)))),
      ],
      output: [
        message({}, template(256, fields)),
        message({}, set(256, onlyValues(fields, { "0/8": source, "0/12": destination }))),
      ],
      lost: { sourceIPv4Address: 1 },
    }));

  Deno.test(`a wrong length for a type: its place takes the default, and the loss is counted (${name})`, () =>
    conforms({
      to: profile,
      input: [
        message({}, template(256, [field("0/8", 4), field("0/12", 5), field("0/4", 3)])),
        message({}, set(256, join(source, new Uint8Array(5).fill(7), new Uint8Array(3).fill(6)))),
        message({ sequenceNumber: 1 }, set(256, join(source, new Uint8Array(8)))),
      ],
      output: [
        message({}, template(256, fields)),
        message({}, set(256, onlyValues(fields, { "0/8": source }))),
        message({ sequenceNumber: 1 }, set(256, onlyValues(fields, { "0/8": source }))),
      ],
      lost: { destinationIPv4Address: 1, protocolIdentifier: 1 },
    }));

  Deno.test(`a known fixed-size element of length 0 stands for its type's default (${name})`, () =>
    conforms({
      to: profile,
      input: [
        message({}, template(256, [field("0/8", 0), field("0/12", 4)])),
        message({}, set(256, destination)),
      ],
      output: [
        message({}, template(256, fields)),
        message({}, set(256, onlyValues(fields, { "0/12": destination }))),
      ],
      lost: {},
    }));

  Deno.test(`its own list in its own order is the identity; in any other order each value finds its place (${name})`, () => {
    const own = [
      message({}, template(256, fields)),
      message({}, set(256, recordOctets(fields, valuesOf(fields)))),
    ];
    conforms({ to: profile, input: own, output: own, templates: { identity: 1 } });
    for (const step of [1, 3, 7, fields.length - 1]) {
      const moved = [...fields.slice(step), ...fields.slice(0, step)];
      const values = valuesOf(fields);
      const movedValues = [...values.slice(step), ...values.slice(0, step)];
      conforms({
        to: profile,
        input: [message({}, template(256, moved)), message({}, set(256, recordOctets(moved, movedValues)))],
        output: own,
        stripped: {},
        padded: {},
        templates: { rewritten: 1 },
      });
    }
  });
}

Deno.test("own shape: templates that no list selects keep their order, less what the collector does not know", () =>
  conforms({
    to: GO,
    input: [
      message(
        {},
        template(256, [field("64512/1", 2), field("0/82", 65535), field("64512/2", 65535), ...COUNT, field("0/7", 2)]),
      ),
      message({}, set(256, join(number(0, 2), Uint8Array.of(1, 65, 0), counted(7), number(80, 2)))),
    ],
    output: [
      message({}, template(256, [field("0/82", 65535), ...COUNT, field("0/7", 2)])),
      message({}, set(256, join(Uint8Array.of(1, 65), counted(7), number(80, 2)))),
    ],
    stripped: { "64512/1": 1, "64512/2": 1 },
    templates: { rewritten: 1 },
  }));

Deno.test("an element with the enterprise bit and PEN 0 selects no list", () =>
  conforms({
    to: GO,
    input: [
      message({}, template(256, [{ pen: 0, id: 8, enterpriseBit: true, length: 4 }, ...COUNT])),
      message({}, set(256, join(number(0, 4), counted(1)))),
    ],
    output: [announcement(), data(0, 1)],
    stripped: { "0/8": 1 },
  }));

for (const [id, setId] of [[1, 2], [3, 2], [4, 2], [255, 2], [2, 3], [255, 3]] as const) {
  Deno.test(`the withdrawal of id ${id} in a set ${setId} is ignored with a warning`, () => {
    for (const to of [RFC, GO]) {
      conforms({
        to,
        input: [announcement(), message({}, set(setId, number(id * 0x10000, 4)), set(256, counted(1))), data(1, 2)],
        output: [announcement(), data(0, 1), data(1, 2)],
        events: [MAPPED, `warning 1/${id}: the withdrawal of id ${id} in a set ${setId} is ignored`],
      });
    }
  });
}

for (
  const [what, hexadecimal, sent] of [
    [
      "empty sets",
      "000a00446553f1000000000000000001000200140100000300080004000c0004000200080003000401000004010000140a0000010a000002000000000000000700020004",
      "000a00386553f1000000000000000001000200140100000300080004000c000400020008010000140a0000010a0000020000000000000007",
    ],
    [
      "padding in a template set",
      "000a003c6553f1000000000000000001000200180100000300080004000c00040002000800000000010000140a0000010a0000020000000000000007",
      undefined,
    ],
  ] as const
) {
  Deno.test(`${what}: no loss, and nothing reported`, () =>
    conforms({
      to: RFC,
      input: [Uint8Array.fromHex(hexadecimal)],
      output: [Uint8Array.fromHex(sent ?? hexadecimal)],
    }));
}

Deno.test("set padding, a new list and defaults: padded fields decode to the collector's own defaults", () => {
  const { profile, fields } = listOf("antrea/v2.7", "IPv6");
  const input = [message({}, template(256, [field("0/27", 16)])), message({}, set(256, new Uint8Array(16).fill(1)))];
  conforms({
    to: profile,
    input,
    output: [
      message({}, template(256, fields)),
      message({}, set(256, onlyValues(fields, { "0/27": new Uint8Array(16).fill(1) }))),
    ],
    padded: Object.fromEntries(
      (profile.templates.find(({ name }) => name === "IPv6")?.fields ?? [])
        .filter(({ element }) => element.name !== "sourceIPv6Address").map(({ element }) => [element.name, 1]),
    ),
  });
  assert.equal(readRecords(fields, onlyValues(fields, {})).records.length, 1);
});

for (const to of [GO, LEGACY]) {
  Deno.test(`a release older and a release newer: every value by its element, the rest default or lost (${to.name})`, () => {
    for (const name of ["antrea/v0.12", "antrea/v1.13", "antrea/v2.0", "antrea/v2.6", "antrea/v2.7"]) {
      for (const family of ["IPv4", "IPv6"] as const) {
        const { profile, fields } = listOf(name, family);
        const expected = listOf(to.name, family).fields;
        const values = valuesOf(fields);
        const nameOf = (one: WireField) => profile.registry.lookup(one.pen, one.id)?.name ?? "";
        const isKept = (one: WireField) => expected.some(({ pen, id }) => pen === one.pen && id === one.id);
        const gone = Object.fromEntries(fields.filter((one) => !isKept(one)).map((one) => [nameOf(one), 1]));
        conforms({
          to,
          input: [message({}, template(256, fields)), message({}, set(256, recordOctets(fields, values)))],
          output: [
            message({}, template(256, expected)),
            message(
              {},
              set(
                256,
                onlyValues(
                  expected,
                  Object.fromEntries(
                    fields.map(({ pen, id }, index) => [`${pen}/${id}`, values[index] ?? new Uint8Array()]),
                  ),
                ),
              ),
            ),
          ],
          stripped: gone,
          lost: gone,
        });
      }
    }
  });
}
