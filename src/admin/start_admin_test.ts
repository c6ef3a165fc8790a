import assert from "node:assert/strict";
import { FakeView } from "../../test/support/fake_view.ts";
import { startAdmin } from "./start_admin.ts";

Deno.test("over a socket: status, a change from this machine, a Host that is not ours, and an end that waits for no event client", async () => {
  const view = new FakeView();
  const server = startAdmin(view, { hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${server.port}`;
  try {
    const status = await fetch(`${url}/api/status`);
    assert.equal((await status.json()).version, "1.2.3");

    const drain = await fetch(`${url}/api/drain`, { method: "POST", headers: { "Content-Type": "application/json" } });
    assert.deepEqual(await drain.json(), { draining: true });
    assert.equal(view.draining, true);

    const foreign = await ask(
      server.port,
      "GET /api/status HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    );
    assert.match(foreign, /^HTTP\/1\.1 403 /);
    const events = await fetch(`${url}/api/events`);
    const reader = events.body?.pipeThrough(new TextDecoderStream()).getReader();
    assert.match((await reader?.read())?.value ?? "", /^: /);
    view.emit({ event: "session_opened", time: new Date(), session: "1" });
    assert.match((await reader?.read())?.value ?? "", /^event: session_opened\n/);
    await server.close();
    await assert.rejects(async () => {
      while (!(await reader?.read())?.done);
      throw new Error("ended");
    });
    await until(() => view.listeners.size === 0);
  } finally {
    await server.close();
  }
});

Deno.test("a port that is taken is refused at once", () => {
  const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  try {
    const { port } = taken.addr;
    assert.throws(() => startAdmin(new FakeView(), { hostname: "127.0.0.1", port }), Deno.errors.AddrInUse);
  } finally {
    taken.close();
  }
});

/** What the server answers to these octets, until it closes. */
async function ask(port: number, request: string): Promise<string> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(new TextEncoder().encode(request));
  return await new Response(connection.readable).text();
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
