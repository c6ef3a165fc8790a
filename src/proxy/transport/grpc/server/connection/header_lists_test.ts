import assert from "node:assert/strict";
import { join, text } from "../../../../../../test/support/messages/wire.ts";
import { HeaderLists } from "./header_lists.ts";

/** A literal field that enters the table (RFC 7541 §6.2.1), of a name of three octets and a value of so many. */
const entering = (value: number) =>
  join(
    Uint8Array.of(0x40, 3),
    text("x-a"),
    Uint8Array.of(0x7f, (value - 127) % 128 | 128, Math.floor((value - 127) / 128)),
    new Uint8Array(value),
  );
const references = (count: number, index = 62) => new Uint8Array(count).fill(0x80 | index);

Deno.test("an octet counts for the whole field that it refers to, also in later blocks", () => {
  const lists = new HeaderLists();
  const size = 3 + 3_900 + 32;
  assert.equal(lists.sizeOf(entering(3_900)), size);
  assert.equal(lists.sizeOf(references(16)), 16 * size);
});

Deno.test("so does a name that is referred to: in a field that enters the table, in one that does not, and one that never may", () => {
  for (const first of [[0x7e], [0x0f, 47], [0x1f, 47]]) {
    const lists = new HeaderLists();
    lists.sizeOf(join(Uint8Array.of(0x40, 0x7f, 0x81, 0x17), new Uint8Array(3_072), Uint8Array.of(1, 65)));
    assert.equal(lists.sizeOf(Uint8Array.of(...first, 2, 66, 67)), 3_072 + 2 + 32);
  }
});

Deno.test("fields leave the table when newer ones need the room; one that is not known counts as the longest", () => {
  const lists = new HeaderLists();
  lists.sizeOf(join(entering(1_000), entering(2_000)));
  assert.equal(lists.sizeOf(references(1, 63)), 1_035);
  lists.sizeOf(entering(1_500));
  assert.deepEqual([62, 63, 64].map((index) => lists.sizeOf(references(1, index))), [1_535, 2_035, 4_096]);
});

Deno.test("blocks of the RFC are taken for little more than they are", () => {
  for (
    const [block, size] of [
      ["828684410f7777772e6578616d706c652e636f6d", 180], // C.3.1
      ["828684418cf1e3c2e5f23a6ba0ab90f4ff", 180], // C.4.1
      ["828684be58086e6f2d6361636865", 233], // C.3.2, after C.3.1
    ] as const
  ) {
    const lists = new HeaderLists();
    lists.sizeOf(Uint8Array.fromHex("828684410f7777772e6578616d706c652e636f6d"));
    const found = lists.sizeOf(Uint8Array.fromHex(block));
    assert.ok(found >= size && found <= size + 300, `${found} for ${size}`);
  }
});

Deno.test("a block that is broken ends", () => {
  for (const block of ["ff", "ffffffffffffffffff", "407f", "0f", "40ff80808080808001", "3f"]) {
    assert.ok(new HeaderLists().sizeOf(Uint8Array.fromHex(block)) >= 0);
  }
});
