import assert from "node:assert/strict";
import { tar } from "./tar.ts";

Deno.test("tar reads what is written, name by name and octet by octet", async () => {
  const large = Uint8Array.from({ length: 1025 }, (_, index) => index * 7);
  const files = [{ name: "one.ipfix", octets: large }, { name: "empty", octets: new Uint8Array(0) }];
  const archive = tar([...files, { name: "whole-block", octets: large.subarray(0, 512) }], new Date(1_700_000_000_000));
  const directory = await Deno.makeTempDir();
  try {
    const child = new Deno.Command("tar", { args: ["-x", "-C", directory], stdin: "piped" }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(archive);
    await writer.close();
    assert.equal((await child.status).code, 0);
    assert.deepEqual(await Deno.readFile(`${directory}/one.ipfix`), large);
    assert.equal((await Deno.stat(`${directory}/empty`)).size, 0);
    assert.equal((await Deno.stat(`${directory}/whole-block`)).size, 512);
    assert.equal((await Deno.stat(`${directory}/one.ipfix`)).mtime?.getTime(), 1_700_000_000_000);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a name that would be another in the archive is refused", () => {
  const octets = new Uint8Array(0);
  for (const name of ["", "a".repeat(101), "ä", "a b", "a\n"]) {
    assert.throws(() => tar([{ name, octets }], new Date(0)), RangeError, name);
  }
});
