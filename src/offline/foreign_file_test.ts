import assert from "node:assert/strict";
import { tar } from "../admin/api/tar.ts";
import { foreignFile } from "./foreign_file.ts";

Deno.test("an archive, a compressed file and a packet capture are named, IPFIX is not", async () => {
  const ipfix = Uint8Array.of(0, 10, 0, 16, ...new Uint8Array(12));
  assert.match(foreignFile(tar([{ name: "session-2-sent.ipfix", octets: ipfix }], new Date(0))) ?? "", /tar archive/);
  const gzip = new Blob([ipfix]).stream().pipeThrough(new CompressionStream("gzip"));
  assert.match(foreignFile(await new Response(gzip).bytes()) ?? "", /gzip/);
  for (
    const octets of [[0xd4, 0xc3, 0xb2, 0xa1], [0xa1, 0xb2, 0xc3, 0xd4], [0x4d, 0x3c, 0xb2, 0xa1], [
      0x0a,
      0x0d,
      0x0d,
      0x0a,
    ]]
  ) {
    assert.match(foreignFile(Uint8Array.from([...octets, 0, 0])) ?? "", /packet capture/);
  }
  assert.equal(foreignFile(ipfix), undefined);
  assert.equal(foreignFile(Uint8Array.of(0xd4, 0xc3)), undefined);
});
