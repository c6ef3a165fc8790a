import assert from "node:assert/strict";
import { agentLines, templateOf } from "./releases.ts";
import { type Flavour, numberOf, valueOf } from "./values.ts";

const flavours: readonly Flavour[] = ["typical", "extreme", "short"];

Deno.test("a record whose tail is read one field off never looks right", () => {
  for (const line of agentLines) {
    for (const flavour of flavours) {
      for (let number = 0; number < 50; number++) {
        const values = templateOf(line, "ipv4").map((name) => valueOf(name, number, flavour));
        for (let from = 0; from < values.length - 2; from++) {
          const tail = values.slice(from, -1).join("\n");
          assert.notEqual(tail, values.slice(from + 1).join("\n"), `${line.name} ${flavour} ${number}, field ${from}`);
        }
      }
    }
  }
});

Deno.test("extreme values hold zero, the largest number, and strings of 0, 254, 255 and 1000 octets", () => {
  const numbers = Array.from({ length: 50 }, (_, number) => number);
  const of = (name: string) => numbers.map((number) => valueOf(name, number, "extreme"));
  for (const value of ["0", "18446744073709551615"]) assert(of("octetTotalCount").includes(value), value);
  const lengths = new Set(["sourcePodName", "egressIP", "tcpState"].flatMap(of).map((text) => text.length));
  for (const length of [0, 254, 255, 1000]) assert(lengths.has(length), String(length));
});

Deno.test("flowStartSeconds tells which record it is", () => {
  assert.equal(numberOf(valueOf("flowStartSeconds", 17, "extreme")), 17);
  assert.equal(numberOf("12"), undefined);
  assert.equal(numberOf(undefined), undefined);
});
