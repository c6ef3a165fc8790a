import assert from "node:assert/strict";
import { u16At, u32At } from "./network_order.ts";

Deno.test("numbers are unsigned, the most significant octet first", () => {
  const octets = Uint8Array.of(7, 0xff, 0xfe, 0xfd, 0xfc);
  assert.equal(u16At(octets, 1), 0xfffe);
  assert.equal(u32At(octets, 1), 0xfffefdfc);
});

Deno.test("octets that are not there read as 0", () => {
  assert.equal(u16At(Uint8Array.of(1, 2), 1), 0x0200);
  assert.equal(u32At(Uint8Array.of(1, 2), 0), 0x01020000);
  assert.equal(u16At(new Uint8Array(), 0), 0);
});
