import assert from "node:assert/strict";
import { readTar } from "../../../test/support/tar_reader.ts";
import { tar } from "./tar.ts";

Deno.test("an archive holds what is written, name by name and octet by octet", () => {
  const large = Uint8Array.from({ length: 1025 }, (_, index) => index * 7);
  const files = [
    { name: "one.ipfix", octets: large },
    { name: "empty", octets: new Uint8Array(0) },
    { name: "whole-block", octets: large.subarray(0, 512) },
  ];
  const read = readTar(tar(files, new Date(1_700_000_000_000)));
  assert.deepEqual([...read.keys()], files.map(({ name }) => name));
  for (const { name, octets } of files) {
    assert.deepEqual(read.get(name), { octets: octets.slice(), modified: 1_700_000_000 }, name);
  }
});

Deno.test("a name that the archive could not keep as it is is refused", () => {
  const octets = new Uint8Array(0);
  for (const name of ["", "a".repeat(101), "ä", "a b", "a\n"]) {
    assert.throws(() => tar([{ name, octets }], new Date(0)), RangeError, name);
  }
});
