import assert from "node:assert/strict";
import { adminUrl, askAdmin } from "./admin_client.ts";

Deno.test("an answer without end is given up, one of a few MiB is not", async () => {
  const piece = new TextEncoder().encode(`${" ".repeat(65_535)}\n`);
  let left = Infinity;
  const body = () =>
    new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(left-- > 0 ? piece : new TextEncoder().encode("{}"));
        if (left < 0) controller.close();
      },
    });
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => new Response(body()));
  const url = adminUrl(`127.0.0.1:${server.addr.port}`, "/api/status");
  try {
    await assert.rejects(askAdmin(url), /^Error: the answer is longer than 16 MiB$/);
    left = 64;
    assert.deepEqual(await askAdmin(url), {});
  } finally {
    await server.shutdown();
  }
});
