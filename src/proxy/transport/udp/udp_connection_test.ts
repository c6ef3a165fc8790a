import assert from "node:assert/strict";
import { dataMessage } from "../../../../test/support/proxy/proxy_messages.ts";
import { udpDialer } from "./udp_connection.ts";

Deno.test("a session sends from the same port again, and from another one if somebody has taken it", async () => {
  const collector = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const { addr } = collector;
  assert.ok(addr.transport === "udp");
  const dial = udpDialer(addr);
  const portOfNext = async () => {
    const connection = await dial(new AbortController().signal);
    await connection.write(dataMessage(0));
    const [, from] = await collector.receive();
    connection.close();
    return from.transport === "udp" ? from.port : 0;
  };
  const port = await portOfNext();
  assert.equal(await portOfNext(), port);
  const other = Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port });
  assert.notEqual(await portOfNext(), port);
  for (const socket of [collector, other]) socket.close();
});
