import assert from "node:assert/strict";
import antrea from "../../../config/registries/antrea.csv" with { type: "text" };
import iana from "../../../config/registries/iana.csv" with { type: "text" };
import reverse from "../../../config/registries/reverse.csv" with { type: "text" };
import { parseRegistry, parseRegistryHistory, RegistryError } from "./registry_csv.ts";
import { parseRegistryRows } from "./registry_rows.ts";

const HEADER = "pen,id,name,type,length,reversible,go_ipfix_since,go_ipfix_until\n";
const history = parseRegistryHistory([iana, reverse, antrea]);

Deno.test("reverse.csv is what RFC 5103 derives from iana.csv: every reversible row, no other", () => {
  const derived = iana.trimEnd().split("\n").slice(1).map((line) => line.split(",")).flatMap((cells) => {
    const [, id, name, type, length, reversible, since, until] = cells;
    assert.ok(name !== undefined && cells.length === 8);
    if (reversible !== "yes") return [];
    return [["29305", id, `reverse${name[0]?.toUpperCase()}${name.slice(1)}`, type, length, "no", since, until].join()];
  });
  assert.equal(reverse, HEADER + derived.join("\n") + "\n");
  assert.equal(derived.length, 471);
});

Deno.test("the parser derives the same reverse elements where they are not written out", () => {
  const derived = parseRegistryHistory([iana, antrea]);
  for (const version of ["v0.2.0", "v0.15.0", "v0.17.0"]) {
    const names = (from: typeof derived) => [...from.at(version).elements()].map((element) => element.name).toSorted();
    assert.deepEqual(names(derived), names(history));
  }
  assert.deepEqual(derived.newest.byName("reverseOctetDeltaCount"), history.newest.byName("reverseOctetDeltaCount"));
});

Deno.test("each file holds the PEN that it is named for", () => {
  for (const [text, pen] of [[iana, 0], [reverse, 29305], [antrea, 56506]] as const) {
    assert.deepEqual(new Set(parseRegistryRows("", text).map(({ element }) => element.pen)), new Set([pen]));
  }
});

Deno.test("at a release: exactly its elements, each with the name, type and length that it had then", () => {
  const lookup = (version: string, pen: number, id: number) => {
    const element = history.at(version).lookup(pen, id);
    return element && `${element.name} ${element.type} ${element.length}`;
  };
  assert.equal(lookup("v0.15.0", 0, 89), "forwardingStatus unsigned8 1");
  assert.equal(lookup("v0.16.0", 0, 89), "forwardingStatus unsigned32 4");
  assert.equal(lookup("v0.15.0", 29305, 89), "reverseForwardingStatus unsigned8 1");
  assert.equal(lookup("v0.17.0", 29305, 89), "reverseForwardingStatus unsigned32 4");
  assert.equal(lookup("v0.8.0", 56506, 155), "l7ProtocolName string 65535");
  assert.equal(lookup("v0.8.1", 56506, 155), "appProtocolName string 65535");
  assert.equal(lookup("v0.6.1", 56506, 153), undefined);
  assert.equal(lookup("v0.6.2", 56506, 153), "egressName string 65535");
  assert.equal(lookup("v0.5.0", 56506, 116), "ingressNetworkPolicyRulePriority unsigned16 2");
  assert.equal(lookup("v0.5.12", 56506, 116), "ingressNetworkPolicyRulePriority signed32 4");
  assert.equal(history.at("v0.8.0").byName("appProtocolName"), undefined);
  assert.equal(history.at("v0.8.1").byName("l7ProtocolName"), undefined, "the release of the end no longer has it");
  assert.equal(history.at("v0.16.0").name, "go-ipfix/v0.16.0");
});

Deno.test("releases compare by number: v0.5.12 knows what came in v0.5.3 and v0.5.11", () => {
  const registry = history.at("v0.5.12");
  assert.ok(registry.byName("sourcePodLabels"));
  assert.ok(registry.byName("throughput"));
  assert.equal(history.at("v0.5.4").byName("throughput"), undefined);
});

Deno.test("releases before the oldest, and what is no release, are refused; later ones know the newest elements", () => {
  for (const version of ["v0.1.9", "0.16.0", "v0.16", "v0.16.0-rc.1", "latest", ""]) {
    assert.throws(() => history.at(version), RangeError, version);
  }
  assert.ok(history.at("v0.2.0").lookup(0, 1));
  assert.ok(history.at("v1.2.3").byName("proxySnatPort"));
});

Deno.test("the newest registry has each element once", () => {
  assert.equal(history.newest.lookup(56506, 155)?.name, "appProtocolName");
  assert.equal(history.newest.byName("l7ProtocolName"), undefined);
  assert.equal(history.newest.lookup(0, 89)?.type, "unsigned32");
  assert.equal([...history.newest.elements()].length, 495 + 470 + 73);
});

Deno.test("resolve: the version of exactly this length, else the newest whose type can have it, else the newest, else unknown", () => {
  const type = (pen: number, id: number, length: number) => history.resolve(pen, id, length, pen !== 0).type;
  assert.equal(type(56506, 115, 1), "unsigned8");
  assert.equal(type(56506, 115, 65535), "string");
  assert.equal(type(56506, 116, 4), "signed32");
  assert.equal(type(56506, 116, 2), "unsigned16", "else 40000 would widen to a negative signed32");
  assert.equal(type(56506, 116, 1), "signed32", "a reduced size of the newest");
  assert.equal(type(0, 89, 1), "unsigned8");
  assert.equal(type(0, 89, 2), "unsigned32", "a reduced size of the newest");
  assert.equal(type(0, 89, 9), "unsigned32", "no state can have it");
  assert.deepEqual(history.resolve(56506, 999, 4, true), {
    pen: 56506,
    id: 999,
    name: "56506/999",
    type: "octetArray",
    length: 65535,
    known: false,
    enterpriseBit: true,
  });
});

Deno.test("resolve: PEN 0 with the enterprise bit is an unknown element, even if IANA has the id", () => {
  const element = history.resolve(0, 8, 4, true);
  assert.deepEqual([element.known, element.enterpriseBit, element.pen], [false, true, 0]);
  assert.equal(history.resolve(0, 8, 4, false).name, "sourceIPv4Address");
});

Deno.test("a plain registry may lack the last three columns, put columns in any order and quote cells", () => {
  const registry = parseRegistry(
    "own.csv",
    '\uFEFFname,"pen",id,length,type\r\n"queueDepth",64512,1,2,unsigned16\r\n\r\n',
  );
  assert.deepEqual(registry.byName("queueDepth"), {
    pen: 64512,
    id: 1,
    name: "queueDepth",
    type: "unsigned16",
    length: 2,
    known: true,
    enterpriseBit: true,
  });
  assert.equal(registry.name, "own.csv");
});

Deno.test("a plain registry with releases is the newest one, with reverse elements", () => {
  const registry = parseRegistry("iana", iana);
  assert.equal(registry.lookup(0, 89)?.length, 4);
  assert.equal(registry.lookup(29305, 1)?.name, "reverseOctetDeltaCount");
});

Deno.test("a registry without releases has no release to ask for", () => {
  const plain = parseRegistryHistory(["pen,id,name,type,length\n64512,1,queueDepth,unsigned16,2\n"]);
  assert.ok(plain.newest.byName("queueDepth"));
  assert.throws(() => plain.at("v0.16.0"), RangeError);
});

const MISTAKES: readonly [what: string, csv: string, where: string, allowed: RegExp][] = [
  ["an empty file", "", "1:1", /is not a column.*allowed: pen,id/],
  ["a missing column", "pen,id,name,type\n", "1:17", /"length" is missing/],
  ["an unknown column", HEADER.replace("reversible", "reverse"), "1:25", /"reverse" is not a column/],
  ["a column twice", "pen,id,name,type,length,pen\n", "1:25", /"pen" appears twice/],
  ["a missing cell", `${HEADER}0,1,octetDeltaCount,unsigned64,8,yes,v0.2.0\n`, "2:1", /7 cells \(allowed: 8/],
  ["a PEN over 32 bits", `${HEADER}4294967296,1,x,unsigned8,1,no,,\n`, "2:1", /between 0 and 4294967295/],
  ["an id over 15 bits", `${HEADER}0,32768,x,unsigned8,1,no,,\n`, "2:3", /between 0 and 32767/],
  ["an empty id", `${HEADER}0,,x,unsigned8,1,no,,\n`, "2:3", /between 0 and 32767/],
  ["a name with a slash", `${HEADER}0,1,0/1,unsigned8,1,no,,\n`, "2:5", /a letter, then/],
  ["an unknown type", `${HEADER}0,1,x,unsigned128,16,no,,\n`, "2:7", /allowed: octetArray, unsigned8/],
  ["a length that is not the type's", `${HEADER}0,1,x,unsigned32,2,no,,\n`, "2:18", /allowed: 4/],
  ["a word for reversible", `${HEADER}0,1,x,unsigned8,1,true,,\n`, "2:19", /allowed: yes, no/],
  ["a reversible enterprise element", `${HEADER}9,1,x,unsigned8,1,yes,,\n`, "2:19", /under PEN 9 .allowed: no/],
  ["a wrong release", `${HEADER}0,1,x,unsigned8,1,no,0.2,\n`, "2:22", /as v0.16.0, or empty/],
  ["an end before the start", `${HEADER}0,1,x,unsigned8,1,no,v0.10.0,v0.9.0\n`, "2:30", /a later release/],
  ["an open quote", `${HEADER}0,1,"x,unsigned8,1,no,,\n`, "2:5", /name/],
  [
    "an element twice in one release",
    `${HEADER}0,1,x,unsigned8,1,no,v0.2.0,v0.9.0\n0,1,y,unsigned8,1,no,v0.8.0,\n`,
    "3:1",
    /0\/1 is already in .*:2 for the same releases/,
  ],
  ["a name twice", `${HEADER}0,1,x,unsigned8,1,no,,\n0,2,x,unsigned8,1,no,,\n`, "3:1", /x is already in/],
];

for (const [what, csv, where, allowed] of MISTAKES) {
  Deno.test(`${what} is an error with its place and what is allowed`, () => {
    const failed = (error: unknown) => {
      assert.ok(error instanceof RegistryError);
      assert.ok(error.message.startsWith(`own.csv:${where}: `), error.message);
      assert.match(error.message, allowed);
      return true;
    };
    assert.throws(() => parseRegistry("own.csv", csv), failed);
    assert.throws(() => parseRegistryHistory([{ file: "own.csv", text: csv }]), failed);
  });
}

Deno.test("all mistakes are reported at once, up to a hundred", () => {
  const one = (csv: string): RegistryError => {
    try {
      parseRegistry("own.csv", csv);
    } catch (error) {
      if (error instanceof RegistryError) return error;
    }
    return assert.fail("nothing was refused");
  };
  const places = one(`${HEADER}0,x,y z,int,1,no,,\n0,1,a,unsigned8,1,no,,\n0,2,b,unsigned8,2,no,,\n`).mistakes;
  assert.deepEqual(places.map(({ line, column }) => [line, column]), [[2, 3], [2, 5], [2, 9], [4, 17]]);
  assert.equal(one(HEADER + "0,x,a,unsigned8,1,no,,\n".repeat(5000)).mistakes.length, 100);
});
