import assert from "node:assert/strict";
import { createServer } from "node:tls";
import { Authority } from "../../../../test/support/certificates.ts";
import { PATIENCE } from "../../../../test/support/time/until.ts";
import { dialTls } from "./tls_connection.ts";
import type { TlsCredentials } from "./tls_credentials.ts";
import { checkTlsMaterial, type TlsMaterial } from "../../../certificates/tls_material.ts";

const NAME = "flow-aggregator.svc";

/** The Aggregator of an authority, which verifies who dials, and what a proxy has for it. */
async function generation(name: string) {
  const authority = await Authority.create(name);
  const server = await authority.issue({ name: "aggregator", dns: [NAME], usage: ["server"] });
  const client = await authority.issue({ name: `client of ${name}`, usage: ["client"] });
  return { authority, server, material: checkTlsMaterial({ ...client, ca: authority.pem }) };
}

const [before, now, other] = await Promise.all(["before", "now", "other"].map(generation));
assert.ok(before !== undefined && now !== undefined && other !== undefined);

/** Dials the Aggregator of one generation. Returns the client that it saw. */
async function dial(aggregator: typeof now, material: TlsMaterial, previous?: TlsMaterial): Promise<string> {
  assert.ok(aggregator !== undefined);
  const { certificate, key } = aggregator.server;
  const { promise, resolve } = Promise.withResolvers<string>();
  const server = createServer({
    cert: certificate,
    key,
    ca: aggregator.authority.pem,
    requestCert: true,
    rejectUnauthorized: true,
  }, (socket) => resolve(String(socket.getPeerCertificate().subject?.CN)));
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  const credentials: TlsCredentials = { material, previous, onChange: () => () => {} };
  try {
    const options = { credentials, serverName: NAME };
    const connection = await dialTls(
      { hostname: "127.0.0.1", port: address.port },
      options,
      AbortSignal.timeout(PATIENCE),
    );
    const name = await promise;
    connection.close();
    return name;
  } finally {
    await new Promise<void>((closed) => server.close(() => closed()));
  }
}

Deno.test("a collector's process before the present one is verified, and shown its own certificate, while it still answers", async () => {
  assert.equal(await dial(now, now.material, before.material), "client of now");
  assert.equal(await dial(before, now.material, before.material), "client of before");
});

Deno.test("a collector of neither is refused, in the words of the present one", async () => {
  await assert.rejects(dial(other, now.material, before.material), /certificate is refused.*a server's/);
  await assert.rejects(dial(before, now.material), /certificate is refused/);
});
