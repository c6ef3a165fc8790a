import assert from "node:assert/strict";
import { Authority } from "../../test/support/certificates.ts";
import { type Clock, SYSTEM_CLOCK } from "../proxy/time/clock.ts";
import { TlsEndpoints } from "./tls_files.ts";

Deno.test("files that are read when their endpoints are closed already, since others were no good, are not followed", async () => {
  const folder = await Deno.makeTempDir();
  let timers = 0;
  const clock: Clock = {
    ...SYSTEM_CLOCK,
    every() {
      timers++;
      return () => timers--;
    },
  };
  try {
    const { certificate, key } = await (await Authority.create("cluster")).issue({ name: "aggregator" });
    const tls = { certificate: `${folder}/tls.crt`, key: `${folder}/tls.key`, requireClientCertificate: false };
    await Deno.writeTextFile(tls.certificate, certificate);
    await Deno.writeTextFile(tls.key, key);
    const listener = { transport: "tls" as const, address: { hostname: "127.0.0.1", port: 0 }, tls };
    const endpoints = new TlsEndpoints(() => {}, undefined, clock);
    await endpoints.listener(listener);
    assert.equal(timers, 1);
    const late = endpoints.listener(listener);
    endpoints.close();
    await late;
    assert.equal(timers, 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
