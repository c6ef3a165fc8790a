import assert from "node:assert/strict";
import { unknownElement } from "../../../ipfix/registry/information_element.ts";
import { expectedPlaces } from "./expected_places.ts";

const field = (id: number, pen = 0, enterpriseBit = pen !== 0) => ({
  element: unknownElement(pen, id, enterpriseBit),
  length: 4,
});

Deno.test("expectedPlaces: each place is taken once, by the first that can", () => {
  const list = [field(8), field(12), field(8), field(8, 29305)];
  assert.deepEqual(expectedPlaces([field(12), field(8), field(1)], list), [1, 0, undefined]);
  assert.deepEqual(expectedPlaces([field(8), field(8), field(8)], list), [0, 2, undefined]);
  assert.deepEqual(expectedPlaces([], list), []);
});

Deno.test("expectedPlaces: the reverse direction and an enterprise bit with PEN 0 are other elements, another length is not", () => {
  const list = [{ ...field(8), length: 2 }];
  assert.deepEqual(expectedPlaces([field(8, 29305), field(8, 0, true), field(8)], list), [undefined, undefined, 0]);
});
