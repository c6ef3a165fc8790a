import assert from "node:assert/strict";
import { isIPv6 } from "node:net";
import fc from "fast-check";
import {
  formatAddress,
  formatIPv4,
  formatIPv6,
  parseAddress,
  parseIPv4,
  parseIPv6,
  parsePrefix,
  prefixContains,
} from "./address.ts";

const octets = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
/** Groups are mostly zero, so that runs of zeros of every length and place come up. */
const sparse = fc.array(fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat(0xffff)), {
  minLength: 8,
  maxLength: 8,
}).map((groups) => Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff])));

Deno.test("addresses survive the conversion to text and back", () => {
  fc.assert(fc.property(octets(4), (address) => assert.deepEqual(parseIPv4(formatIPv4(address)), address)));
  fc.assert(fc.property(fc.oneof(octets(16), sparse), (address) => {
    assert.deepEqual(parseIPv6(formatIPv6(address)), address);
    assert.deepEqual(parseAddress(formatAddress(address)), address);
  }));
});

Deno.test("IPv6 text is canonical as the platform's own parser of URLs writes it", () => {
  fc.assert(fc.property(sparse, (address) => {
    const text = formatIPv6(address);
    fc.pre(!text.includes(".")); // URLs write IPv4-mapped addresses in groups
    assert.equal(new URL(`http://[${text}]/`).hostname, `[${text}]`);
  }));
});

for (
  const [text, canonical] of [
    ["::", "::"],
    ["::1", "::1"],
    ["1::", "1::"],
    ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:0db8::0001:0000", "2001:db8::1:0"],
    ["0:0:1::", "0:0:1::"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
    ["::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"],
    ["::ffff:192.0.2.1", "::ffff:192.0.2.1"],
    ["::ffff:c000:201", "::ffff:192.0.2.1"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
  ] as const
) {
  Deno.test(`the canonical text of ${text} is ${canonical}`, () => {
    const address = parseIPv6(text);
    assert.ok(address);
    assert.equal(formatIPv6(address), canonical);
  });
}

Deno.test("text that is not an address is refused", () => {
  for (
    const text of ["", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", "1.2.3.", "0x1.2.3.4", "1.2.3.-4"]
  ) {
    assert.equal(parseIPv4(text), undefined, text);
    assert.equal(parseAddress(text), undefined, text);
  }
  const wrong = [
    "",
    ":",
    ":::",
    "1",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "1::2::3",
    "12345::",
    "g::",
  ];
  for (
    const text of [...wrong, ":1::", "1:::2", "::1.2.3", "1.2.3.4::", "::1.2.3.4:5", "fe80::1%eth0", "::1 ", "[::1]"]
  ) {
    assert.equal(parseIPv6(text), undefined, text);
  }
});

Deno.test("a text parses as an IPv6 address exactly if the platform parses it", () => {
  const piece = fc.constantFrom(":", "::", "0", "1", "ffff", "abcd", "12345", "1.2.3.4", ".", "255", "g");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 16 }), (pieces) => {
      const text = pieces.join("");
      assert.equal(parseIPv6(text) !== undefined, isIPv6(text), text);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("octets of another family are refused", () => {
  assert.throws(() => formatIPv4(new Uint8Array(16)), RangeError);
  assert.throws(() => formatIPv6(new Uint8Array(4)), RangeError);
});

function contains(prefix: string, address: string): boolean {
  const range = parsePrefix(prefix);
  const parsed = parseAddress(address);
  assert.ok(range && parsed);
  return prefixContains(range, parsed);
}

for (
  const [prefix, inside, outside] of [
    ["10.10.0.0/24", ["10.10.0.0", "10.10.0.255", "::ffff:10.10.0.1"], ["10.10.1.0", "10.9.255.255", "::10.10.0.1"]],
    ["10.10.0.7/24", ["10.10.0.1"], ["10.10.1.7"]],
    ["10.0.0.0/9", ["10.127.255.255"], ["10.128.0.0"]],
    ["0.0.0.0/0", ["255.255.255.255"], ["2001:db8::1", "::"]],
    ["192.0.2.1", ["192.0.2.1"], ["192.0.2.0"]],
    ["192.0.2.1/32", ["192.0.2.1"], ["192.0.2.0"]],
    ["2001:db8::/33", ["2001:db8:7fff::1"], ["2001:db8:8000::", "32.1.13.184"]],
    ["::/0", ["2001:db8::1"], ["10.0.0.1", "::ffff:10.0.0.1"]],
    ["::1", ["::1"], ["::2"]],
    ["::ffff:10.0.0.0/104", ["10.1.1.1", "::ffff:10.1.1.1"], ["11.0.0.0"]],
  ] as const
) {
  Deno.test(`${prefix} contains what it should and no more`, () => {
    for (const address of inside) assert.ok(contains(prefix, address), address);
    for (const address of outside) assert.ok(!contains(prefix, address), address);
  });
}

Deno.test("text that is not a prefix is refused", () => {
  for (
    const text of [
      "",
      "10.0.0.0/",
      "10.0.0.0/33",
      "10.0.0.0/-1",
      "10.0.0.0/08",
      "10.0.0.0/8/8",
      "::/129",
      "host/8",
      "/8",
    ]
  ) {
    assert.equal(parsePrefix(text), undefined, text);
  }
});
