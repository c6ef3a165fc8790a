import assert from "node:assert/strict";
import { antreaProfile, COLLECTORS, era, history, rfc7011 } from "../messages/antrea.ts";
import { deliver } from "../delivered.ts";
import { DialectChecker } from "../dialect_checker.ts";
import { referenceRewrite } from "./reference_rewriter.ts";
import { field, join, message, number, recordOctets, set, templateSet, text, variable } from "../messages/wire.ts";

const v20 = antreaProfile("v2.0.0");
const v115 = antreaProfile("v1.15.2");
const NEW_FIELDS = era("v2.0.0").ipv4.map((name) => {
  const [pen = NaN, id = NaN] = name.split("/").map(Number);
  return field(name, v20.registry.lookup(pen, id)?.length ?? NaN);
});
const NEW_VALUES = NEW_FIELDS.map(({ length }, index) =>
  length === 65535 ? text(`text ${index}`) : number(index + 1, length)
);
const NEW_TEMPLATE = { id: 256, scope: 0, fields: NEW_FIELDS };
const NEW_STREAM = join(
  message({ sequenceNumber: 0 }, templateSet(NEW_TEMPLATE)),
  message({ sequenceNumber: 1 }, set(256, recordOctets(NEW_FIELDS, NEW_VALUES))),
);

Deno.test("reference: v2.0 to v1.15 leaves egressNodeName out and keeps all other values", () => {
  const { items, dropped, refused } = referenceRewrite({ profile: v115, history }, NEW_STREAM);
  assert.equal(refused, undefined);
  assert.equal(dropped.size, 0);
  const expected = NEW_VALUES.filter((_, index) => NEW_FIELDS[index]?.id !== 157 || NEW_FIELDS[index]?.pen !== 56506);
  assert.equal(expected.length, 41);
  assert.deepEqual(items.map(({ kind }) => kind), ["template", "record"]);
  assert.deepEqual(items[1]?.values, expected.map((value) => value.toHex()));
  assert.deepEqual([items[1]?.position, items[1]?.inclusive], [0, true]);
});

Deno.test("reference: to a collector without limits everything is delivered as it came", () => {
  const { items } = referenceRewrite({ profile: rfc7011, history }, NEW_STREAM);
  assert.deepEqual(
    items.map(({ position: _, inclusive: __, message: ___, ...item }) => item),
    deliver(NEW_STREAM).items,
  );
});

Deno.test("reference: reduced sizes widen with their sign, fixed strings become variable, unknown elements go", () => {
  const fields = [field("0/434", 2), field("0/2", 3), field("0/82", 4), field("64512/1", 2), field("0/276", 0)];
  const octets = join(number(-2, 2), number(5, 3), text("eth0"), number(9, 2));
  const stream = message({}, templateSet({ id: 300, scope: 0, fields }), set(300, octets));
  const { items } = referenceRewrite({ profile: antreaProfile("v2.7.0"), history }, stream);
  assert.deepEqual(items[1]?.values, ["fffffffe", "0000000000000005", text("eth0").toHex(), "02"]);
});

Deno.test("reference: a refused message leaves nothing of itself and ends the session", () => {
  const broken = message({}, templateSet(NEW_TEMPLATE), set(256, number(1, 2), 3));
  const { items, consumed, refused } = referenceRewrite(
    { profile: v20, history },
    join(NEW_STREAM, broken, NEW_STREAM),
  );
  assert.deepEqual([items.length, consumed, refused], [2, NEW_STREAM.length, "set_length"]);
});

Deno.test("reference: once data was dropped, what is sent is counted", () => {
  const one = { id: 256, scope: 0, fields: [field("0/4", 1)] };
  const unknown = { id: 257, scope: 0, fields: [field("64512/1", 1)] };
  const stream = join(
    message({ sequenceNumber: 40 }, templateSet(one, unknown)),
    message({ sequenceNumber: 40 }, set(256, number(1, 1)), set(257, number(1, 2))),
    message({ sequenceNumber: 43 }, set(256, number(2, 1))),
  );
  const { items, dropped } = referenceRewrite({ profile: v20, history }, stream);
  assert.deepEqual([...dropped], [["everything_stripped", 2]]);
  assert.deepEqual(items.map(({ position }) => position), [40, 40, 41]);
});

Deno.test("every list is in its collector's registry, and its own stream fits its dialect", () => {
  for (const release of COLLECTORS) {
    const profile = antreaProfile(release);
    for (const { fields } of profile.templates) {
      const wire = fields.map(({ element, length }) => field(`${element.pen}/${element.id}`, length));
      const record = recordOctets(wire, wire.map(({ length }) => new Uint8Array(length === 65535 ? 3 : length)));
      const checker = new DialectChecker(profile);
      checker.write("one", message({}, templateSet({ id: 256, scope: 0, fields: wire })));
      checker.write("one", message({}, set(256, record)));
    }
  }
});

const ADDRESS = { id: 256, scope: 0, fields: [field("0/8", 4)] };
const DATA = set(256, number(1, 4));
const EXCLUDED: readonly [name: string, octets: Uint8Array, says: RegExp][] = [
  ["two sets", message({}, templateSet(ADDRESS), DATA), /2 sets in a message/],
  ["padding", message({}, set(256, number(1, 6))), /padding in a data set/],
  ["two template records", message({}, templateSet(ADDRESS, { ...ADDRESS, id: 257 })), /2 template records/],
  ["a reduced size", message({}, templateSet({ ...ADDRESS, fields: [field("0/2", 4)] })), /length of packetDeltaCount/],
  ["an unknown element", message({}, templateSet({ ...ADDRESS, fields: [field("64512/1", 4)] })), /unknown to/],
  ["an options template", message({}, templateSet({ ...ADDRESS, scope: 1 })), /an options template/],
  ["a withdrawal", message({}, templateSet({ ...ADDRESS, fields: [] })), /a withdrawal/],
  ["an empty message", message({}), /an empty message/],
  [
    "an undecodable type",
    message({}, templateSet({ ...ADDRESS, fields: [field("0/291", 65535)] })),
    /of type basicList/,
  ],
  ["an empty data set", message({}, set(256, new Uint8Array())), /without records/],
  ["two messages in a write", join(message({}, DATA), message({}, DATA)), /2 messages in one write/],
];

for (const [name, octets, says] of EXCLUDED) {
  Deno.test(`dialect checker: ${name} is found`, () => {
    const checker = new DialectChecker(antreaProfile("v1.1.2"));
    checker.write("one", message({}, templateSet(ADDRESS)));
    assert.throws(() => checker.write("one", octets), says);
  });
}

Deno.test("dialect checker: an overrun and two layouts under one id are found", () => {
  const checker = new DialectChecker(v115);
  checker.write("one", message({}, templateSet({ ...ADDRESS, fields: [field("0/82", 65535)] })));
  const overrun = variable(text("abc")).subarray(0, 3);
  assert.throws(() => checker.write("one", message({}, set(256, overrun))), /overruns/);
  assert.throws(() => checker.write("other", message({}, templateSet(ADDRESS))), /another layout/);
  checker.close("one");
  checker.write("other", message({}, templateSet(ADDRESS)));
});
