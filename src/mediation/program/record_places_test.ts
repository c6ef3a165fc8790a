import assert from "node:assert/strict";
import { entryWords, Places } from "./record_places.ts";
import { field } from "../../../test/support/mediation.ts";

/** Fields of these lengths, v: variable. */
function placesOf(lengths: string): Places {
  return new Places(
    [...lengths].map((length) => length === "v" ? field("interfaceName") : field("0/1", Number(length))),
  );
}

/** Every place, by the words of a log entry in which the record begins at 1000 and so on. */
function addresses(lengths: string, entry: readonly number[]): number[] {
  const places = placesOf(lengths);
  const all = [...lengths, "end"].map((_, position) => places.of(position));
  const wordOf = entryWords(places.marks());
  return all.map((place) => (entry[wordOf(place)] ?? NaN) + place.offset);
}

Deno.test("every field is found from the record's begin, the field of variable length behind it, or the end", () => {
  assert.deepEqual(addresses("48", [1000]), [1000, 1004, 1012]);
  assert.deepEqual(addresses("4v", [1000, 1010]), [1000, 1004, 1010]);
  // Values of 5, 0 and 7 octets.
  assert.deepEqual(addresses("42v1v23v4", [1000, 1013, 1019, 1031]), [
    ...[1000, 1004, 1006, 1012, 1013, 1014, 1016, 1019, 1027, 1031],
  ]);
  assert.deepEqual(addresses("vv", [1000, 1003, 1009]), [1000, 1003, 1009]);
  assert.deepEqual(addresses("", [1000]), [1000]);
});

Deno.test("only marks that a place needs are kept, never the first field of variable length or the end", () => {
  const places = placesOf("1v2v3v4v5");
  for (const position of [0, 1, 2, 7, 8, 9]) places.of(position);
  assert.deepEqual(places.marks(), [1, 3]);
  assert.deepEqual([places.leading, places.gaps, places.trailing], [1, [2, 3, 4], 5]);
  assert.throws(() => places.of(10), /no source field 10/);
});
