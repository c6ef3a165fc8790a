import assert from "node:assert/strict";
import { registryHistory } from "../config/profiles/registries.ts";
import { Inspector } from "./inspection.ts";

/** A message of domain 7 whose sets are given as a set id and the hexadecimal octets of the content. */
function message(...sets: (readonly [id: number, content: string])[]): Uint8Array {
  const hex = (value: number, octets: number) => value.toString(16).padStart(2 * octets, "0");
  const body = sets.map(([id, content]) => hex(id, 2) + hex(4 + content.length / 2, 2) + content).join("");
  return Uint8Array.fromHex(`000a${hex(16 + body.length / 2, 2)}0000000000000000${"00000007"}${body}`);
}

/** Template 256: octetDeltaCount in 4 octets, applicationName variable. */
const TEMPLATE = "01000002" + "00010004" + "0060ffff";

function inspect(...messages: Uint8Array[]) {
  const inspector = new Inspector(registryHistory().resolve);
  return messages.flatMap((octets) => inspector.next(octets)?.content ?? []);
}

Deno.test("several sets and records in one message, with padding, a template before its data", () => {
  const records = inspect(message([2, TEMPLATE], [256, "0000000502616200000006ff0003636465" + "0000"]))
    .filter(({ kind }) => kind === "record");
  assert.deepEqual(records, [
    {
      kind: "record",
      offset: 36,
      observationDomain: 7,
      template: 256,
      fields: [["octetDeltaCount", 5n], ["applicationName", "ab"]],
    },
    {
      kind: "record",
      offset: 43,
      observationDomain: 7,
      template: 256,
      fields: [["octetDeltaCount", 6n], ["applicationName", "cde"]],
    },
  ]);
});

Deno.test("withdrawals take templates away: one, or all of a kind", () => {
  const data = message([256, "0000000500"]);
  const kinds = (withdrawal: string) =>
    inspect(message([2, TEMPLATE]), message([2, withdrawal]), data).map(({ kind }) => kind);
  assert.equal(kinds("01000000").at(-1), "skipped");
  assert.equal(kinds("00020000").at(-1), "skipped");
  assert.equal(kinds("01010000").at(-1), "record");
});

Deno.test("what cannot be read is shown as skipped", () => {
  const skipped = inspect(message([300, "0102"], [4, "00"], [2, "01000001" + "00600000"], [256, "00"]))
    .flatMap((each) => each.kind === "skipped" ? [`${each.set} ${each.reason}`] : []);
  assert.deepEqual(skipped, ["300 unknown_template", "4 reserved_set", "256 template_refused"]);
});

Deno.test("a broken message changes nothing: its templates are not remembered", () => {
  const inspector = new Inspector(registryHistory().resolve);
  assert.throws(
    () => inspector.next(message([2, TEMPLATE], [256, "00000005" + "09" + "6162"])),
    { name: "DecodeError", reason: "field_overrun" },
  );
  assert.equal(inspector.next(message([256, "0000000500"]))?.content.at(-1)?.kind, "skipped");
});

Deno.test("an incomplete message waits for its rest", () => {
  const inspector = new Inspector(registryHistory().resolve);
  const whole = message([2, TEMPLATE]);
  for (let length = 0; length < whole.length; length++) {
    assert.equal(inspector.next(whole.subarray(0, length)), undefined);
  }
  assert.equal(inspector.next(whole)?.length, whole.length);
});
