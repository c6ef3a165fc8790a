import assert from "node:assert/strict";
import { createServer } from "node:tls";
import { Authority, type Issued } from "../../../../test/support/certificates.ts";
import { PATIENCE } from "../../../../test/support/time/until.ts";
import type { Connection } from "../connection.ts";
import { dialNative } from "./native_dial.ts";
import { checkTlsMaterial, type TlsMaterial } from "../../../certificates/tls_material.ts";

const NAME = "flow-aggregator.svc";

const authority = await Authority.create("authority");
const client = await authority.issue({ name: "proxy", usage: ["client"] });
const material = () => checkTlsMaterial({ ...client, ca: authority.pem });

/** Runs a collector that sends what it gets back, and ends where its peer does. */
async function withCollector(
  { certificate, key }: Issued,
  use: (port: number) => Promise<void>,
): Promise<void> {
  const options = { cert: certificate, key, ca: authority.pem, requestCert: true, rejectUnauthorized: true };
  const server = createServer(options, (socket) => {
    socket.on("error", () => {});
    socket.pipe(socket);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  try {
    await use(address.port);
  } finally {
    await new Promise<void>((closed) => server.close(() => closed()));
  }
}

function dial(port: number, own: TlsMaterial, name = NAME): Promise<Connection | undefined> {
  return dialNative({ hostname: "127.0.0.1", port }, name, own, AbortSignal.timeout(PATIENCE));
}

Deno.test("a collector whose certificate the CA has issued is dialled by Deno's own client, by a name that is not the address", async () => {
  const collector = await authority.issue({ name: "collector", dns: [NAME], usage: ["server"] });
  await withCollector(collector, async (port) => {
    // Twice: what was verified once is remembered.
    for (const own of [material(), material()]) {
      for (let time = 0; time < 2; time++) {
        const connection = await dial(port, own);
        assert.ok(connection !== undefined);
        const [octets, view] = [new Uint8Array(100_000).fill(7), new Uint8Array(100_000)];
        for (let written = 0; written < octets.length;) written += await connection.write(octets.subarray(written));
        for (let read = 0; read < view.length;) read += await connection.read(view.subarray(read)) ?? assert.fail();
        assert.deepEqual(view, octets);
        await connection.closeWrite();
        assert.equal(await connection.read(view), null);
        assert.equal(connection.endedInOrder, true);
        connection.close();
        await assert.rejects(connection.write(octets), /closed/);
      }
    }
  });
});

Deno.test("a collector with another name, or of another authority, is left to node:tls", async () => {
  const other = await Authority.create("other");
  for (
    const collector of [
      await authority.issue({ name: "collector", dns: ["other.svc"], addresses: ["127.0.0.1"], usage: ["server"] }),
      await other.issue({ name: "collector", dns: [NAME], usage: ["server"] }),
    ]
  ) await withCollector(collector, async (port) => assert.equal(await dial(port, material()), undefined));
});

Deno.test("an authority that Deno trusts anyway cannot stand in for the given one", async () => {
  const trusted = await Authority.create("trusted by Deno");
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${directory}/trusted.pem`, trusted.pem);
    const collector = await trusted.issue({ name: "collector", dns: [NAME], usage: ["server"] });
    await withCollector(collector, async (port) => {
      const program = `import { dialNative } from ${JSON.stringify(new URL("./native_dial.ts", import.meta.url).href)};
        const [own, dialled] = [${JSON.stringify(material())}, { hostname: "127.0.0.1", port: ${port} }];
        // As far as Deno goes, all is well.
        const plain = await Deno.connectTls({ ...dialled, [Symbol.for("unstableServerName")]: "${NAME}",
          caCerts: [own.ca], cert: own.certificate, key: own.key });
        await plain.handshake();
        plain.close();
        const connection = await dialNative(dialled, "${NAME}", own, AbortSignal.timeout(${PATIENCE}));
        connection?.close();
        console.log(connection === undefined ? "refused" : "let in");`;
      const child = new Deno.Command(Deno.execPath(), {
        args: ["eval", "--ext=ts", "--quiet", `--cert=${directory}/trusted.pem`, program],
      });
      const { stdout, stderr } = await child.output();
      const said = (octets: Uint8Array) => new TextDecoder().decode(octets).trim();
      assert.equal(said(stdout), "refused", said(stderr));
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("an attempt that is given up ends at once, and one that nobody answers says so", async () => {
  await assert.rejects(
    dialNative({ hostname: "127.0.0.1", port: 1 }, NAME, material(), AbortSignal.timeout(PATIENCE)),
    Deno.errors.ConnectionRefused,
  );
  // Takes connections, and says nothing.
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const aborting = new AbortController();
  const accepted = listener.accept().then((connection) => (aborting.abort(new Error("given up")), connection));
  const attempt = dialNative({ hostname: "127.0.0.1", port: listener.addr.port }, NAME, material(), aborting.signal);
  await assert.rejects(attempt, /given up/);
  (await accepted).close();
  listener.close();
});
